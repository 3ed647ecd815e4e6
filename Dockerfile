# Tunesmith in a container: slim, not root, tini as PID 1 (workers outlive their parent, somebody must reap them).
# CPU by default; for CUDA:  docker build --build-arg TORCH_WHEELS= .   (then the ordinary wheels, with CUDA, are taken)
# Also a Hugging Face Space of `sdk: docker`; README's front matter says so.

ARG PYTHON=3.11
FROM python:${PYTHON}-slim AS build

ARG TORCH_WHEELS=https://download.pytorch.org/whl/cpu
ARG EXTRAS=starter
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
RUN python -m venv /opt/tunesmith
COPY constraints.txt pyproject.toml setup.py README.md LICENSE ./
COPY app app
COPY pages pages
COPY engine engine
COPY storage storage
COPY docs docs
RUN if [ -n "$TORCH_WHEELS" ]; then \
        /opt/tunesmith/bin/pip install --index-url "$TORCH_WHEELS" --constraint constraints.txt torch; \
    fi \
    && /opt/tunesmith/bin/pip install --constraint constraints.txt ".[${EXTRAS}]"

FROM python:${PYTHON}-slim

# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends bubblewrap tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 studio
COPY --from=build /opt/tunesmith /opt/tunesmith
COPY --chmod=755 deploy/start /usr/local/bin/start-tunesmith
ENV PATH=/opt/tunesmith/bin:$PATH PYTHONUNBUFFERED=1 HOME=/home/studio TUNESMITH_HOST=0.0.0.0 TUNESMITH_PORT=7860
USER 1000
WORKDIR /home/studio
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['TUNESMITH_PORT'] + '/api/health', timeout=4)"]
ENTRYPOINT ["/usr/bin/tini", "--", "start-tunesmith"]
CMD ["serve", "--no-browser"]
