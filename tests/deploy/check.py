"""Checks what is under deploy/: the manifests against the schemas of Kubernetes, the chart by rendering it with
Helm's own code, the compose file for what it promises. Run by tests/it/deploy with the repository's folder; says what
is wrong and ends with 1, or prints the documents it has looked at as JSON."""

import json
import pathlib
import sys

import helm_python
import kubernetes_validate
import yaml

# The oldest that the chart takes, and the newest that there are schemas of.
VERSIONS = ["1.27", "1.37"]

# How the chart may be installed: what is set, and the kinds that come of it beyond those of every release.
RELEASES = [
    ({}, {"PodDisruptionBudget"}),
    (
        {
            "autoscaling": {"enabled": True},
            "ingress": {"enabled": True, "className": "nginx", "tlsSecret": "tls", "annotations": {"a/b": "c"}},
            "networkPolicy": {
                "enabled": True,
                "from": [{"namespaceSelector": {"matchLabels": {"a": "b"}}}],
                "egress": [{"ports": [{"protocol": "TCP", "port": 5432}]}],
            },
            "podAnnotations": {"prometheus.io/scrape": "true"},
            "imagePullSecrets": [{"name": "pull"}],
            "nodeSelector": {"a": "b"},
            "tolerations": [{"key": "a", "operator": "Exists"}],
            "affinity": {"nodeAffinity": {}},
        },
        {"PodDisruptionBudget", "HorizontalPodAutoscaler", "Ingress", "NetworkPolicy"},
    ),
    (
        {
            "replicaCount": 1,
            "settings": {"MCP_DYNAMIC_BACKEND": "file", "MCP_PROFILE": "mvp", "MCP_DYNAMIC_MAX_TOOLS": 1000},
            "existingSecret": "",
            "persistence": {"enabled": True, "storageClass": "fast"},
            "podDisruptionBudget": {"enabled": False},
            "networkPolicy": {"enabled": True},
            "tls": {"existingSecret": "server-tls"},
        },
        {"PersistentVolumeClaim", "NetworkPolicy"},
    ),
]
ALWAYS = {"ServiceAccount", "ConfigMap", "Service", "Deployment"}

problems = []


def expect(holds, sentence):
    if not holds:
        problems.append(sentence)


def check_manifest(where, document):
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except Exception as error:
            problems.append(f"{where}: {document.get('kind')} for Kubernetes {version}: {error}")


def check_pods(where, documents):
    """What selects pods has to find those that are made, and pods have to be harmless."""
    for deployment in (d for d in documents if d["kind"] == "Deployment"):
        template = deployment["spec"]["template"]
        labels = template["metadata"]["labels"].items()
        pod = template["spec"]
        container = pod["containers"][0]
        expect(pod["securityContext"]["runAsNonRoot"] is True, f"{where}: pods may run as root")
        expect(pod["automountServiceAccountToken"] is False, f"{where}: pods have a token of the cluster")
        security = container["securityContext"]
        expect(security["allowPrivilegeEscalation"] is False, f"{where}: rights may be gained")
        expect(security["readOnlyRootFilesystem"] is True, f"{where}: the root can be written")
        expect(security["capabilities"]["drop"] == ["ALL"], f"{where}: capabilities are left")
        volumes = {volume["name"] for volume in pod["volumes"]}
        mounts = {mount["name"] for mount in container["volumeMounts"]}
        expect(volumes == mounts, f"{where}: volumes {volumes}, mounts {mounts}")
        probes = [container[f"{kind}Probe"]["httpGet"] for kind in ("liveness", "readiness", "startup")]
        paths = {probe["path"] for probe in probes}
        expect(paths == {"/livez", "/readyz"}, f"{where}: probes of {paths}")
        check_tls(where, pod, container, {probe.get("scheme", "HTTP") for probe in probes})
        for other in documents:
            spec = other.get("spec", {})
            selector = {
                "Service": lambda: spec["selector"],
                "PodDisruptionBudget": lambda: spec["selector"]["matchLabels"],
                "NetworkPolicy": lambda: spec["podSelector"]["matchLabels"],
                "Deployment": lambda: spec["selector"]["matchLabels"],
            }.get(other["kind"])
            if selector:
                expect(selector().items() <= labels, f"{where}: {other['kind']} selects other pods")
            if other["kind"] == "HorizontalPodAutoscaler":
                target = spec["scaleTargetRef"]["name"]
                expect(target == deployment["metadata"]["name"], f"{where}: scales another deployment")
        # Those that the manifests make; secrets are made by hand.
        made = {d["metadata"]["name"] for d in documents if d["kind"] == "ConfigMap"}
        for source in container["envFrom"]:
            if "configMapRef" in source:
                expect(source["configMapRef"]["name"] in made, f"{where}: no such ConfigMap")


def check_tls(where, pod, container, schemes):
    """A server that is given a certificate is probed by HTTPS, and finds it where it is told to look."""
    env = {variable["name"]: variable["value"] for variable in container.get("env", [])}
    expect(schemes == ({"HTTPS"} if "MCP_TLS_CERT" in env else {"HTTP"}), f"{where}: probes by {schemes}")
    secrets = {volume["name"] for volume in pod["volumes"] if "secret" in volume}
    folders = {m["mountPath"] for m in container["volumeMounts"] if m["name"] in secrets and m["readOnly"]}
    files = {env[name].rsplit("/", 1)[0] for name in ("MCP_TLS_CERT", "MCP_TLS_KEY") if name in env}
    expect(files == folders, f"{where}: certificates are looked for in {files}, and are in {folders}")


def check_manifests(folder):
    documents = []
    for file in sorted(folder.glob("*.yaml")):
        own = [d for d in yaml.safe_load_all(file.read_text()) if d]
        for document in own:
            check_manifest(file.name, document)
        documents += own
    kinds = {d["kind"] for d in documents}
    wanted = {"Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy"}
    expect(wanted <= kinds, f"{folder} lacks {wanted - kinds}")
    check_pods(folder, documents)
    return documents


def check_chart(folder):
    documents = []
    for values, extra in RELEASES:
        found = helm_python.lint(str(folder), values=values, namespace="mcp")
        for message in found.get("messages", []):
            # 1 is for your information, 2 and 3 are warnings and errors.
            expect(message["severity"] <= 1, f"helm lint: {message}")
        with helm_python.Chart.load(folder) as chart:
            rendered = chart.render(values=values, name="trial", namespace="mcp")
        own = []
        for name, text in rendered.items():
            if name.endswith(".txt"):
                expect("port-forward" in text, f"{name}: {text}")
                continue
            own += [d for d in yaml.safe_load_all(text) if d]
        for document in own:
            check_manifest(f"chart with {values}", document)
            expect(document["metadata"]["namespace"] == "mcp", f"{document['kind']} is in no namespace")
        kinds = {d["kind"] for d in own}
        expect(kinds == ALWAYS | extra, f"chart with {values}: made {sorted(kinds)}")
        check_pods(f"chart with {values}", own)
        documents += own
    schemes = {
        d["spec"]["template"]["spec"]["containers"][0]["livenessProbe"]["httpGet"]["scheme"]
        for d in documents
        if d["kind"] == "Deployment"
    }
    expect(schemes == {"HTTP", "HTTPS"}, f"the chart was rendered with {schemes} alone")
    try:
        with helm_python.Chart.load(folder) as chart:
            chart.render(values={"settings": {"MCP_DYNAMIC_BACKEND": "file"}}, name="trial", namespace="mcp")
        problems.append("the chart takes several replicas that have a file each")
    except helm_python.HelmError as error:
        expect("more than one replica needs" in str(error), f"the chart's refusal: {error}")
    return documents


def check_compose(file):
    compose = yaml.safe_load(file.read_text())
    services = compose["services"]
    replicas = {name: s for name, s in services.items() if name.startswith("dynamic-mcp")}
    expect(len(replicas) == 2 and "postgres" in services, f"{file.name}: services {list(services)}")
    ports = [s["ports"][0] for s in replicas.values()]
    expect(len(set(ports)) == 2, f"{file.name}: replicas on one port: {ports}")
    for name, service in replicas.items():
        expect(all(p.startswith("127.0.0.1:") for p in service["ports"]), f"{name} is open to the network")
        expect(service["read_only"] and service["cap_drop"] == ["ALL"], f"{name} is not locked down")
        expect(service["depends_on"]["postgres"]["condition"] == "service_healthy", f"{name} does not wait")
        for option in service["security_opt"]:
            if option.startswith("seccomp:"):
                expect((file.parent / option.removeprefix("seccomp:")).is_file(), f"{name}: {option}")
        for volume in service["volumes"]:
            expect(volume.split(":")[0] in compose["volumes"], f"{name}: no volume {volume}")
    return [compose]


def main():
    deploy = pathlib.Path(sys.argv[1]) / "deploy"
    documents = check_manifests(deploy / "k8s")
    documents += check_chart(deploy / "helm" / "dynamic-mcp")
    documents += check_compose(deploy / "docker-compose.postgres.yml")
    if problems:
        sys.exit("\n".join(map(str, problems)))
    json.dump(documents, sys.stdout)


main()
