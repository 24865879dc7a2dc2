"""What SQL cannot compute: resampling tests, change points and trends, as plain functions over arrays."""
