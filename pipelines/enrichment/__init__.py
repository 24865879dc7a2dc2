"""What is read off stored answers before they are modelled: detectors over embeddings, and judges."""
