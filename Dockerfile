FROM python:3.11-slim AS build
COPY pyproject.toml README.md LICENSE /build/
COPY src /build/src
RUN pip wheel --no-cache-dir --wheel-dir /wheels "/build[s3]"

FROM python:3.11-slim
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir --no-index --find-links /wheels "skydeck[s3]" && rm -r /wheels
RUN useradd --create-home --uid 1000 skydeck && mkdir -p /data && chown skydeck /data
USER skydeck
WORKDIR /home/skydeck
ENV NUMBA_CACHE_DIR=/home/skydeck/.cache/numba \
    PYTHONUNBUFFERED=1
EXPOSE 5006
VOLUME /data
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5006/healthz', timeout=4)"]
# A container's port is reached through the engine only: publish it to 127.0.0.1, or put a proxy that knows its users before it.
CMD ["skydeck", "serve", "--host", "0.0.0.0", "--insecure", "/data"]
