# pyconquest_rt as a service: docker build -t pyconquest_rt . && docker run -p 5678:5678 -v archive:/archive pyconquest_rt
FROM python:3.13-slim AS build
COPY pyproject.toml setup.py README.md LICENSE dicom.sql /source/
COPY pyconquest_rt /source/pyconquest_rt
RUN python -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir "/source[pixels]"

FROM python:3.13-slim
COPY --from=build /opt/venv /opt/venv
RUN useradd --system --uid 5678 --home-dir /archive --create-home --shell /usr/sbin/nologin archive
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYCONQUEST_RT_LISTENER_HOST=0.0.0.0
USER 5678
WORKDIR /archive
VOLUME /archive
EXPOSE 5678
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s \
    CMD ["pyconquest-rt", "echo", "127.0.0.1", "5678"]
CMD ["pyconquest-rt", "serve"]
