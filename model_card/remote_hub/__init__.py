"""Publishing to any endpoint that speaks the protocol of the Hugging Face Hub."""
