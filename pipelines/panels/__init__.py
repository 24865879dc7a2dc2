"""What is asked of whom: panels, rosters and batteries, read from YAML and validated."""
