"""The dbt project that turns raw facts and verdicts into core and out, and the function that runs it in process."""
