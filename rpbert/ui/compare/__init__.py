"""The tab "Compare": two results side by side."""
