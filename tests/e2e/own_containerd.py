"""A containerd of a test's own, all of whose files lie in one folder, and the bridge that its pods are on."""
import json
import os

CONFIG = """version = 2
root = "{folder}/containerd/root"
state = "{folder}/containerd/state"
[grpc]
address = "{folder}/c.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
restrict_oom_score_adj = true
stream_server_address = "127.0.0.1"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{folder}/cni"
"""


def write_config(folder, bridge, subnet, pause="coxswain.local/pause:test"):
    """Its configuration file; it listens on FOLDER/c.sock."""
    os.makedirs(folder + "/cni", exist_ok=True)
    addresses = {"type": "host-local", "dataDir": folder + "/networks", "ranges": [[{"subnet": subnet}]],
                 "routes": [{"dst": "0.0.0.0/0"}]}
    network = {"cniVersion": "0.4.0", "name": "test", "plugins": [
        {"type": "bridge", "bridge": bridge, "isGateway": True, "hairpinMode": True, "ipMasq": False, "ipam": addresses},
        {"type": "portmap", "capabilities": {"portMappings": True}}]}
    with open(folder + "/cni/10-test.conflist", "w", encoding="utf-8") as f:
        json.dump(network, f)
    path = folder + "/containerd.toml"
    with open(path, "w", encoding="utf-8") as f:
        f.write(CONFIG.format(folder=folder, pause=pause))
    return path
