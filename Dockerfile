# The locked environment, the data of the profile `smoke`, and JupyterLab, as a plain user:
#   docker build -t relation . && docker run --rm -p 8888:8888 relation
# Any other command of the Makefile: docker run --rm relation make reproduce PROFILE=smoke
FROM python:3.11-slim-bookworm

RUN apt-get update \
    && apt-get install --yes --no-install-recommends git make \
    && rm -rf /var/lib/apt/lists/*

# Binder gives the user's name and number as arguments.
ARG NB_USER=jovyan
ARG NB_UID=1000
RUN useradd --create-home --shell /bin/bash --uid ${NB_UID} ${NB_USER}
ENV USER=${NB_USER} HOME=/home/${NB_USER}
WORKDIR ${HOME}/project
RUN chown ${NB_USER} .
USER ${NB_USER}

# The environment first: it is built again only when the lock changes.
COPY --chown=${NB_UID} Makefile pyproject.toml uv.lock ./
RUN make .venv/ready

COPY --chown=${NB_UID} . .
ENV PATH=${HOME}/project/.venv/bin:${PATH} PYTHONPATH=${HOME}/project
RUN touch .venv/ready && snakemake --cores all --config params=params/smoke.yaml -- \
    outputs/smoke/artifacts/01_datasets.done

EXPOSE 8888
CMD ["make", "lab", "LAB=--ip=0.0.0.0 --no-browser"]
