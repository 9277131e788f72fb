#include <gtest/gtest.h>

#include "apiserver/registry/testing/requests.h"

namespace coxswain::apiserver {
namespace {

using testing::Requests;

std::string podWith(const std::string& claim, const std::string& volume = "v") {
  return R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}],"volumes":[)"
         R"({"name":")" +
         volume + R"(","ephemeral":{"volumeClaimTemplate":)" + claim + "}}]}}";
}
constexpr const char* kClaim =
    R"("spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}})";

TEST(EphemeralVolume, ClaimFollowsRulesOfClaims) {
  const Requests pods("", "pods");
  EXPECT_EQ(pods.create(podWith("{" + std::string(kClaim) + "}")), "");
  EXPECT_EQ(pods.create(podWith(R"({"metadata":{"name":"n"},"spec":{"accessModes":["X"],)"
                                R"("resources":{"requests":{"storage":"0"}}}})")),
            "[spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.name: Forbidden: cannot be "
            "set, spec.volumes[0].ephemeral.volumeClaimTemplate.spec.accessModes: Unsupported "
            "value: \"X\": supported values: \"ReadOnlyMany\", \"ReadWriteMany\", "
            "\"ReadWriteOnce\", \"ReadWriteOncePod\", "
            "spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources[storage]: Invalid value: "
            "\"0\": must be greater than zero]");
}

TEST(EphemeralVolume, ClaimNeedsAName) {
  const Requests pods("", "pods");
  auto pod = podWith("{" + std::string(kClaim) + "}");
  const std::string name(250, 'p');
  pod.replace(pod.find(R"("name":"p")"), 10, R"("name":")" + name + "\"");
  const auto problem = pods.create(pod);
  EXPECT_EQ(problem, "");  // 252 characters
  pod = podWith("{" + std::string(kClaim) + "}", "volume");
  pod.replace(pod.find(R"("name":"p")"), 10, R"("name":")" + name + "\"");
  EXPECT_EQ(pods.create(pod), "spec.volumes[0].name: Invalid value: \"volume\": PVC name \"" +
                                  name + "-volume\": must be no more than 253 characters");
}

TEST(PersistentVolumeClaim, SourcesOfOtherNamespacesAreDropped) {
  const Requests claims("", "persistentvolumeclaims");
  std::string stored;
  const std::string body =
      R"({"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1"}},)"
      R"("dataSourceRef":{"kind":"PersistentVolumeClaim","name":"a","namespace":"other"}}})";
  EXPECT_EQ(claims.create(body, &stored), "");
  EXPECT_EQ(stored.find("dataSource"), std::string::npos) << stored;
}

TEST(Resources, AreKeptByTheThousandth) {
  std::string stored;
  const Requests quotas("", "resourcequotas");
  EXPECT_EQ(quotas.create(R"({"spec":{"hard":{"cpu":"1.0001"}}})", &stored), "");
  EXPECT_NE(stored.find(R"("cpu":"1001m")"), std::string::npos) << stored;
  const Requests ranges("", "limitranges");
  EXPECT_EQ(ranges.create(R"({"spec":{"limits":[{"type":"Pod","max":{"cpu":"10u"}}]}})", &stored),
            "");
  EXPECT_NE(stored.find(R"("cpu":"1m")"), std::string::npos) << stored;
}

TEST(PersistentVolume, SourcesHaveDefaults) {
  const Requests volumes("", "persistentvolumes");
  std::string stored;
  EXPECT_EQ(volumes.create(R"({"spec":{"capacity":{"storage":"1"},"accessModes":["ReadWriteOnce"],)"
                           R"("rbd":{"monitors":["m"],"image":"i"}}})",
                           &stored),
            "");
  EXPECT_NE(stored.find(R"("pool":"rbd","user":"admin","keyring":"/etc/ceph/keyring")"),
            std::string::npos)
      << stored;
}

std::string volumeWith(const std::string& source, const std::string& name = "v") {
  return R"({"metadata":{"name":")" + name + R"("},"spec":{"capacity":{"storage":"1Gi"},)" +
         R"("accessModes":["ReadWriteOnce"],)" + source + "}}";
}

std::string podOf(const std::string& source) {
  return R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}],"volumes":[)"
         R"({"name":"v",)" +
         source + "}]}}";
}

TEST(VolumeSources, WhatEachMustHave) {
  const Requests volumes("", "persistentvolumes");
  const std::pair<const char*, const char*> cases[] = {
      {R"("gcePersistentDisk":{"pdName":"","partition":256})",
       "[spec.persistentDisk.pdName: Required value, spec.persistentDisk.partition: Invalid "
       "value: 256: must be between 1 and 255, inclusive]"},
      {R"("awsElasticBlockStore":{"volumeID":"v","partition":0})", ""},
      {R"("glusterfs":{"endpoints":"e","path":"p","endpointsNamespace":"A"})",
       "spec.glusterfs.endpointsNamespace: Invalid value: \"A\": a lowercase RFC 1123 label must "
       "consist of lower case alphanumeric characters or '-', and must start and end with an "
       "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
       "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"},
      {R"("flocker":{})",
       "spec.flocker: Required value: one of datasetName and datasetUUID is "
       "required"},
      {R"("flocker":{"datasetName":"a/b","datasetUUID":"u"})",
       "[spec.flocker: Invalid value: \"resource\": datasetName and datasetUUID can not be "
       "specified simultaneously, spec.flocker.datasetName: Invalid value: \"a/b\": must not "
       "contain '/']"},
      {R"("nfs":{"server":"s","path":"x"})",
       "spec.nfs.path: Invalid value: \"x\": must be an absolute path"},
      {R"("rbd":{"monitors":[],"image":""})",
       "[spec.rbd.monitors: Required value, spec.rbd.image: Required value]"},
      {R"("quobyte":{"registry":"a:1,b","volume":""})",
       "[spec.quobyte.registry: Invalid value: \"a:1,b\": must be a host:port pair or multiple "
       "pairs separated by commas, spec.quobyte.volume: Required value]"},
      {R"("quobyte":{"registry":"[::1]:1,b:2","volume":"v"})", ""},
      {R"("cephfs":{"monitors":[]})", "spec.cephfs.monitors: Required value"},
      {R"("iscsi":{"targetPortal":"t","iqn":"iqn.2001-04.com.example:a","lun":0,)"
       R"("initiatorName":"naa.0123456789abcdef0123456789abcdef"})",
       ""},
      {R"("iscsi":{"targetPortal":"t","iqn":"iqn.2001-04","lun":256,"chapAuthSession":true})",
       "[spec.iscsi.iqn: Invalid value: \"iqn.2001-04\": must be valid format, spec.iscsi.lun: "
       "Invalid value: 256: must be between 0 and 255, inclusive, spec.iscsi.secretRef: Required "
       "value]"},
      {R"("cinder":{"volumeID":"v","secretRef":{"name":"s"}})",
       "spec.cinder.secretRef.namespace: Required value"},
      {R"("fc":{"targetWWNs":["a"],"wwids":["b"]})",
       "[spec.fc.targetWWNs: Invalid value: [\"a\"]: targetWWNs and wwids can not be specified "
       "simultaneously, spec.fc.lun: Required value: lun is required if targetWWNs is specified]"},
      {R"("flexVolume":{"driver":"d","options":{"kubernetes.io/a":"b"}})",
       "spec.flexVolume.options[kubernetes.io/a]: Invalid value: \"kubernetes.io/a\": "
       "kubernetes.io and k8s.io namespaces are reserved"},
      {R"("azureFile":{"secretName":"s","shareName":"h","secretNamespace":""})",
       "spec.azureFile.secretNamespace: Required value"},
      {R"("azureDisk":{"diskName":"d","diskURI":"u","kind":"Managed","cachingMode":"X"})",
       "[spec.azureDisk.cachingMode: Unsupported value: \"X\": supported values: \"None\", "
       "\"ReadOnly\", \"ReadWrite\", spec.azureDisk.diskURI: Unsupported value: \"u\": "
       "supported values: \"/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/"
       "microsoft.compute/disks/{disk-id}\"]"},
      {R"("scaleIO":{"gateway":"","system":"","volumeName":""})",
       "[spec.scaleIO.gateway: Required value, spec.scaleIO.system: Required value, "
       "spec.scaleIO.volumeName: Required value]"},
      {R"("storageos":{"volumeName":"v","secretRef":{"name":"s"}})",
       "spec.storageos.secretRef.namespace: Required value"},
      {R"("vsphereVolume":{"volumePath":""})", "spec.vsphereVolume.volumePath: Required value"},
      {R"("photonPersistentDisk":{"pdID":""})", "spec.photonPersistentDisk.pdID: Required value"},
      {R"("portworxVolume":{"volumeID":""})", "spec.portworxVolume.volumeID: Required value"},
      {R"("local":{"path":"/a/../b"})",
       "[spec.local.path: Invalid value: \"/a/../b\": must not contain '..', spec.nodeAffinity: "
       "Required value: Local volume requires node affinity]"},
      {R"("csi":{"driver":"d","volumeHandle":"h","nodePublishSecretRef":{"name":"a","namespace":""}})",
       "spec.csi.nodePublishSecretRef.namespace: Required value"},
      {R"("hostPath":{"path":"/a","type":"X"})",
       "spec.hostPath.type: Unsupported value: \"X\": supported values: \"\", \"BlockDevice\", "
       "\"CharDevice\", \"Directory\", \"DirectoryOrCreate\", \"File\", \"FileOrCreate\", "
       "\"Socket\""},
      {R"("nfs":{"server":"s","path":"/"},"csi":{"driver":"","volumeHandle":""})",
       "spec.csi: Forbidden: may not specify more than 1 volume type"},
  };
  for (const auto& [source, problem] : cases) {
    EXPECT_EQ(volumes.create(volumeWith(source)), problem) << source;
  }
}

TEST(VolumeSources, InitiatorsHaveShortNames) {
  const Requests volumes("", "persistentvolumes");
  const std::string iscsi = R"("iscsi":{"targetPortal":"10.0.0.1:3260","lun":0,)"
                            R"("iqn":"iqn.2001-04.com.example:a",)"
                            R"("initiatorName":"iqn.2001-04.com.example:b"})";
  EXPECT_EQ(volumes.create(volumeWith(iscsi, std::string(50, 'a'))), "");
  EXPECT_EQ(volumes.create(volumeWith(iscsi, std::string(51, 'a'))),
            "spec.iscsi.targetportal: Invalid value: \"10.0.0.1:3260\": Total length of <volume "
            "name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is "
            "specified.");
}

TEST(VolumeSources, InPodsTheSame) {
  const Requests pods("", "pods");
  EXPECT_EQ(pods.create(podOf(R"("iscsi":{"targetPortal":"t","iqn":"x","lun":0})")),
            "spec.volumes[0].iscsi.iqn: Invalid value: \"x\": must be valid format starting with "
            "iqn, eui, or naa");
  EXPECT_EQ(
      pods.create(podOf(R"("iscsi":{"targetPortal":"t","iqn":"eui.0123456789abcde","lun":0})")),
      "spec.volumes[0].iscsi.iqn: Invalid value: \"eui.0123456789abcde\": must be valid "
      "format");
  EXPECT_EQ(pods.create(podOf(R"("flocker":{"datasetName":"a"})")), "");
  EXPECT_EQ(pods.create(podOf(R"("csi":{"driver":"d","nodePublishSecretRef":{"name":"A b"}})"))
                .substr(0, 40),
            "spec.volumes[0].csi.name: Invalid value:");
}

TEST(PersistentVolume, ChangedSourcesAreShown) {
  const Requests volumes("", "persistentvolumes");
  EXPECT_EQ(
      volumes.update(volumeWith(R"("rbd":{"monitors":["m"],"image":"a"})"),
                     volumeWith(R"("rbd":{"monitors":["m"],"image":"b"})")),
      R"(spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation
@@ -8,7 +8,7 @@
   "CephMonitors": [
    "m"
   ],
-  "RBDImage": "a",
+  "RBDImage": "b",
   "FSType": "",
   "RBDPool": "rbd",
   "RadosUser": "admin",
)");
}

std::string claimWith(const std::string& spec, const std::string& annotations = "") {
  return R"({"metadata":{"annotations":{)" + annotations + R"(}},"spec":{)" + spec +
         R"("accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}})";
}

TEST(PersistentVolumeClaim, ChangedSpecsAreShown) {
  const Requests claims("", "persistentvolumeclaims");
  EXPECT_EQ(
      claims.update(claimWith(R"("storageClassName":"a",)"),
                    claimWith(R"("storageClassName":"b",)")),
      R"(spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims
@@ -10,7 +10,7 @@
   }
  },
  "VolumeName": "",
- "StorageClassName": "a",
+ "StorageClassName": "b",
  "VolumeMode": "Filesystem",
  "DataSource": null,
  "DataSourceRef": null,
)");
}

TEST(PersistentVolumeClaim, ClassesMoveFromTheAnnotation) {
  const Requests claims("", "persistentvolumeclaims");
  const std::string annotated = R"("volume.beta.kubernetes.io/storage-class":"a")";
  EXPECT_EQ(claims.update(claimWith("", annotated), claimWith(R"("storageClassName":"a",)")), "");
  EXPECT_EQ(claims.update(claimWith(""), claimWith(R"("storageClassName":"a",)")), "");
  EXPECT_EQ(claims.update(claimWith("", annotated), claimWith("")),
            "metadata.annotations.volume.beta.kubernetes.io/storage-class: Invalid value: \"\": "
            "field is immutable");
}

}  // namespace
}  // namespace coxswain::apiserver
