"""The static site drawn after each wave, and the sentences that say what it found."""
