"""RpBERT: named entities in a tweet, helped by its picture as far as the picture relates to the text."""
