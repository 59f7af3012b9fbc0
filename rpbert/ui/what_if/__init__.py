"""The tab "What if": the same tweet with other words, another picture, another gate."""
