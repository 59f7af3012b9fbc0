"""The tab "Errors": a data set goes in, the mistakes of the model come out."""
