"""The page: the only part of the package that imports gradio."""

import os

# Before gradio is imported anywhere: nothing is sent anywhere.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
