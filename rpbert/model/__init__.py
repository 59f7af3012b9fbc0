"""The model, and what turns tweets and pictures into its tensors."""
