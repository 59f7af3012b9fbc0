# The page in a container: docker build -t rpbert . && docker run --rm -p 7860:7860 --memory 3g rpbert
FROM python:3.12-slim

RUN useradd --create-home rpbert
WORKDIR /home/rpbert/app

# The address of PyTorch's packages for CPUs, from its installation page, makes the image several GB smaller:
# docker build --build-arg PIP_EXTRA_INDEX_URL=ADDRESS -t rpbert .
ARG PIP_EXTRA_INDEX_URL
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt

COPY --chown=rpbert app.py LICENSE README.md ./
COPY --chown=rpbert rpbert rpbert
COPY --chown=rpbert assets assets
COPY --chown=rpbert checkpoints checkpoints

USER rpbert
ENV GRADIO_ANALYTICS_ENABLED=False PYTHONUNBUFFERED=1
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/', timeout=4)"]
CMD ["python", "app.py", "--host", "0.0.0.0", "--port", "7860"]
