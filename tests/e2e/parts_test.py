"""The same cluster once more, with each part a process of its own under its upstream name and flags."""
import json
import os
import unittest

import first_light_test
import harness
import own_containerd
from harness import BINARY, NODE, NODE_IP, eventually


def cgroup_of(data):
    """The cgroup of the cluster in that folder, as src/up/layout.cc names it: `down --purge` takes it away."""
    value = 2166136261
    for byte in data.encode():
        value = ((value ^ byte) * 16777619) & 0xffffffff
    return f"/coxswain-{value:08x}"


class SeparateParts(first_light_test.FirstLight):
    @classmethod
    def part(cls, name, *flags):
        link = f"{cls.cluster.data}/bin/{name}"
        os.makedirs(os.path.dirname(link), exist_ok=True)
        os.symlink(BINARY, link)
        return cls.cluster.start(link, *flags, log=f"{cls.cluster.data}/logs/{name}.log")

    @classmethod
    def start(cls):
        cluster = cls.cluster
        data = cluster.data
        os.makedirs(data + "/logs")
        config_file = own_containerd.write_config(data, "cni0", "10.244.0.0/24", pause="coxswain.local/pause:1")
        cls.containerd = cluster.start("containerd", "--config", config_file, log=data + "/logs/containerd.log")
        cls.part("kube-apiserver", "--data-dir", data, "--kubeconfig-dir", data + "/kubeconfig", "--node-name", NODE,
                 "--node-addresses", NODE_IP, "--advertise-address", NODE_IP, "--kubelet-preferred-address-types", "InternalIP")
        eventually("the API server", lambda: cluster.kubectl("get", "--raw", "/readyz").stdout == "ok")

        def config(name):
            return ["--kubeconfig", f"{data}/kubeconfig/{name}.conf"]
        cls.part("kube-controller-manager", *config("kube-controller-manager"), "--allocate-node-cidrs",
                 "--cluster-cidr", "10.244.0.0/16", "--root-ca-file", data + "/pki/ca.crt", "--secure-port", "0")
        cls.part("kube-scheduler", *config("kube-scheduler"), "--secure-port", "0")
        cls.part("kube-proxy", *config("kube-proxy"), "--hostname-override", NODE, "--cluster-cidr", "10.244.0.0/16")
        cls.part("dns", *config("coredns"), "--listen", NODE_IP + ":10053")
        # The Service of cluster DNS is the administrator's to make, as with any DNS add-on.
        cluster.apply(f"""
apiVersion: v1
kind: Service
metadata: {{name: kube-dns, namespace: kube-system}}
spec:
  clusterIP: 10.96.0.10
  ports: [{{name: dns, port: 53, protocol: UDP}}, {{name: dns-tcp, port: 53, protocol: TCP}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: kube-dns-node, namespace: kube-system, labels: {{kubernetes.io/service-name: kube-dns}}}}
addressType: IPv4
endpoints: [{{addresses: ["{NODE_IP}"]}}]
ports: [{{name: dns, port: 10053, protocol: UDP}}, {{name: dns-tcp, port: 10053, protocol: TCP}}]
""")
        eventually("containerd", lambda: cls.ctr("version").returncode == 0)
        pause = [path for path in (os.path.dirname(BINARY) + "/../src/pause/pause_image.tar", harness.SOURCE + "/build/dev/src/pause/pause_image.tar") if os.path.exists(path)]
        for image in pause + [f"{harness.images()}/{name}.tar" for name in ("busybox", "web1", "web2")]:
            cls.ctr("images", "import", image)
        with open(data + "/kubelet.yaml", "w", encoding="utf-8") as f:
            json.dump({"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
                       "clusterDNS": ["10.96.0.10"], "clusterDomain": "cluster.local",
                       "podLogsDir": data + "/logs/pods", "cgroupRoot": cgroup_of(data),
                       "authentication": {"x509": {"clientCAFile": data + "/pki/ca.crt"}},
                       "tlsCertFile": data + "/pki/kubelet.crt", "tlsPrivateKeyFile": data + "/pki/kubelet.key",
                       "containerRuntimeEndpoint": f"unix://{data}/c.sock"}, f)
        cls.part("kubelet", *config("kubelet"), "--config", data + "/kubelet.yaml", "--root-dir", data + "/kubelet",
                 "--hostname-override", NODE, "--node-ip", NODE_IP)
        cluster.kubectl("wait", "--for=create", "node/" + NODE, "--timeout=240s")
        cluster.kubectl("wait", "--for=condition=Ready", "node/" + NODE, "--timeout=240s")

    @classmethod
    def ctr(cls, *argv):
        return cls.cluster.run("ctr", "--address", cls.cluster.data + "/c.sock", "--namespace", "k8s.io", *argv)

    @classmethod
    def tearDownClass(cls):
        # Pods first: their containers and mounts would outlive containerd. `down` knows how, given the endpoint.
        with open(cls.cluster.data + "/runtime-endpoint", "w", encoding="utf-8") as f:
            f.write(f"unix://{cls.cluster.data}/c.sock\n")
        for process in cls.cluster.processes:
            if process is not cls.containerd:
                process.terminate()
                process.wait()
        cls.cluster.coxswain("down", "--data-dir", cls.cluster.data, check=False)
        cls.containerd.terminate()
        cls.containerd.wait()
        super().tearDownClass()

    # What only `up` and `down` do.
    test_11_restart_leaves_containers_alone = None
    test_13_down_up_purge = None



if __name__ == "__main__":
    unittest.main(verbosity=2)
