"""The manifests in deploy/, as far as they can be tried without a cluster: read, and held to what the studio asks."""

from typing import Any

import yaml

from engine.serve import outside
from engine.serve.endpoints import ExternalOptions
from engine.serve.outsiders.kinds import paths
from tests.project_map import ROOT

COMPOSE = ROOT / "deploy" / "compose" / "tgi.yaml"
CLUSTER = ROOT / "deploy" / "k8s" / "tgi.yaml"


def cluster() -> dict[str, dict[str, Any]]:
    return {part["kind"]: part for part in yaml.safe_load_all(CLUSTER.read_text())}


def container() -> dict[str, Any]:
    [only] = cluster()["Deployment"]["spec"]["template"]["spec"]["containers"]
    return dict(only)


def test_tgi_is_asked_for_its_health_where_the_studio_asks_too() -> None:
    probes = [container()[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")]
    assert {probe["path"] for probe in probes} == {"/health"} <= set(paths([]))
    assert {probe["port"] for probe in probes} == {container()["ports"][0]["name"]}
    health = yaml.safe_load(COMPOSE.read_text())["services"]["tgi"]["healthcheck"]["test"]
    assert health[-1].endswith(":80/health")


def test_both_manifests_pin_the_same_version() -> None:
    image = yaml.safe_load(COMPOSE.read_text())["services"]["tgi"]["image"]
    assert container()["image"] == image
    assert image.rpartition(":")[2].count(".") == 2


def test_the_parts_of_the_cluster_find_each_other() -> None:
    parts = cluster()
    labels = parts["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert parts["Service"]["spec"]["selector"] == labels
    assert parts["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert parts["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    assert parts["Service"]["spec"]["ports"][0]["targetPort"] == container()["ports"][0]["name"]
    assert str(container()["ports"][0]["containerPort"]) in container()["args"]
    claims = {
        volume["persistentVolumeClaim"]["claimName"]
        for volume in parts["Deployment"]["spec"]["template"]["spec"]["volumes"]
        if "persistentVolumeClaim" in volume
    }
    assert claims == {parts["PersistentVolumeClaim"]["metadata"]["name"]}


def test_nobody_but_the_studio_reaches_tgi_and_the_key_is_in_no_file() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    assert "ports" not in services["tgi"]
    assert all(port.startswith("127.0.0.1:") for port in services["studio"]["ports"])
    assert services["tgi"]["environment"]["API_KEY"].startswith("${TGI_API_KEY:?")
    assert container()["env"][0]["valueFrom"]["secretKeyRef"]["name"] == "tgi"


def test_the_addresses_that_the_manifests_name_make_an_endpoint() -> None:
    for address in ("http://tgi:80", "http://tgi"):
        assert address in COMPOSE.read_text() + CLUSTER.read_text()
        assert outside.checked_url(address) == address
    ExternalOptions(url="http://tgi/v1", model="m", api_key_env="TGI_API_KEY")
