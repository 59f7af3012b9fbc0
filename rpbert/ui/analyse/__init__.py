"""The tab "Analyse": a tweet, its picture, the names, and what the picture does to them."""
