"""What the audit expects of a wave: Great Expectations suites, one break each."""
