"""A Prefect server's client, and deploying the file of deployments to it."""

from __future__ import annotations

import pytest
import yaml

from flows.server.deployment_file import DeploymentFile, default_deployment_file, read_deployment_file


@pytest.fixture(scope="module")
def client(prefect_server):
    from flows.server.client import server_client

    with prefect_server.here(), server_client() as found:
        yield found


@pytest.fixture
def deploy(client, settings):
    """Deploys a file, Songline's own where none is given; gives what became of each thing that was changed."""
    from flows.server.deploy import deploy

    def deployed(file=None, **changed_settings):
        outcomes = deploy(
            client,
            file or read_deployment_file(default_deployment_file()),
            settings.model_copy(update=changed_settings),
        )
        return {each.name: each.changes or each.verdict for each in outcomes if each.verdict != "unchanged"}

    return deployed


@pytest.fixture
def deployed(deploy):
    """Songline's own file stands on the server, before and after the test."""
    deploy()
    yield
    deploy()


def changed_file(change):
    document = yaml.safe_load(default_deployment_file().read_text())
    change(document)
    return DeploymentFile.model_validate(document)


def by_name(document):
    return {each["name"]: each for each in document["deployments"]}
