"""The tab "How it works": stories to predict, and one tweet followed through the model."""
