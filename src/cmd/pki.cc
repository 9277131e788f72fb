#include "cmd/pki.h"

#include <algorithm>
#include <filesystem>

#include "api/meta/base64.h"
#include "runtime/files.h"

namespace coxswain::cmd {
namespace {

constexpr auto kValidity = 24h * 3650;
constexpr auto kRenewBefore = 24h * 30;

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

Result<net::KeyPair> loadPair(const std::string& stem) {
  net::KeyPair pair;
  TRY(pair.certificatePem, readFile(stem + ".crt"));
  TRY(pair.keyPem, readFile(stem + ".key"));
  return pair;
}

Status savePair(const std::string& stem, const net::KeyPair& pair) {
  TRY_STATUS(writeFile(stem + ".key", pair.keyPem));
  return writeFile(stem + ".crt", pair.certificatePem);
}

bool hasAll(const std::vector<std::string>& have, const std::vector<std::string>& want) {
  return std::all_of(want.begin(), want.end(), [&](const auto& name) {
    return std::find(have.begin(), have.end(), name) != have.end();
  });
}

/// Does a kept certificate still say all that is asked of it, for a while, under this CA?
bool stillGood(const net::KeyPair& pair, const net::KeyPair& ca,
               const net::CertificateRequest& request, WallTime now) {
  auto chain = net::certificatesToDer(pair.certificatePem);
  if (!chain.ok()) return false;
  auto info = net::parseCertificate(chain->front());
  if (!info.ok() || info->notAfter < now + kRenewBefore) return false;
  auto use = request.server ? net::CertificateUse::Server : net::CertificateUse::Client;
  return info->commonName == request.commonName && info->organizations == request.organizations &&
         hasAll(info->dnsNames, request.dnsNames) &&
         hasAll(info->ipAddresses, request.ipAddresses) &&
         net::verifyChain(*chain, ca.certificatePem, use, now).ok();
}

void addUnique(std::vector<std::string>& list, const std::string& value) {
  if (!value.empty() && std::find(list.begin(), list.end(), value) == list.end()) {
    list.push_back(value);
  }
}

}  // namespace

Result<std::string> readFile(const std::string& path) {
  SystemFiles files;
  return files.read(path);
}

Status writeFile(const std::string& path, std::string_view text) {
  SystemFiles files;
  if (auto present = files.read(path); present.ok() && *present == text) return {};
  return files.writeAtomically(path, text, 0600);
}

Result<net::KeyPair> Pki::certificate(const std::string& name,
                                      net::CertificateRequest request) const {
  return certificateOf(ca_, name, std::move(request));
}

Result<Pki::FrontProxy> Pki::frontProxy() const {
  TRY(const auto ca, authority("front-proxy-ca", "front-proxy-ca"));
  net::CertificateRequest request;
  request.commonName = kFrontProxyName;
  request.client = true;
  TRY(auto client, certificateOf(ca, kFrontProxyName, std::move(request)));
  return FrontProxy{ca.certificatePem, std::move(client)};
}

Result<net::KeyPair> Pki::authority(const std::string& file, const std::string& commonName) const {
  const auto stem = options_.folder + "/" + file;
  if (exists(stem + ".crt")) return loadPair(stem);
  TRY(auto made, net::createCa(commonName, options_.now - 1h, options_.now + kValidity));
  TRY_STATUS(savePair(stem, made));
  return made;
}

Result<net::KeyPair> Pki::certificateOf(const net::KeyPair& ca, const std::string& name,
                                        net::CertificateRequest request) const {
  auto stem = options_.folder + "/" + name;
  if (exists(stem + ".crt")) {
    TRY(auto kept, loadPair(stem));
    if (stillGood(kept, ca, request, options_.now)) return kept;
  }
  request.notBefore = options_.now - 1h;
  request.notAfter = options_.now + kValidity;
  TRY(auto pair, net::issueCertificate(ca, request));
  TRY_STATUS(savePair(stem, pair));
  return pair;
}

Result<Pki> Pki::prepare(PkiOptions options) {
  std::error_code error;
  std::filesystem::create_directories(options.folder, error);
  if (error) return errnoStatus("create " + options.folder, error.value());
  Pki pki(std::move(options));
  const auto& folder = pki.options_.folder;
  TRY(pki.ca_, pki.authority("ca", "kubernetes"));

  net::CertificateRequest server;
  server.commonName = "kube-apiserver";
  server.server = true;
  server.dnsNames = {"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
                     "kubernetes.default.svc.cluster.local"};
  server.ipAddresses = {"127.0.0.1", "::1"};
  for (const auto& name : pki.options_.dnsNames) addUnique(server.dnsNames, name);
  for (const auto& ip : pki.options_.ipAddresses) addUnique(server.ipAddresses, ip);
  TRY(pki.server_, pki.certificate("apiserver", std::move(server)));

  net::CertificateRequest client;
  client.commonName = "kube-apiserver-kubelet-client";
  client.client = true;
  TRY(pki.kubeletClient_, pki.certificate("apiserver-kubelet-client", std::move(client)));

  if (exists(folder + "/sa.key")) {
    TRY(pki.serviceAccountKeyPem_, readFile(folder + "/sa.key"));
  } else {
    TRY(pki.serviceAccountKeyPem_, net::createKeyPem());
    TRY_STATUS(writeFile(folder + "/sa.key", pki.serviceAccountKeyPem_));
  }
  TRY(auto publicPem, net::publicKeyPem(pki.serviceAccountKeyPem_));
  TRY_STATUS(writeFile(folder + "/sa.pub", publicPem));
  return pki;
}

Status Pki::writeKubeconfig(const std::string& path, const std::string& server,
                            const std::string& user, std::vector<std::string> groups) const {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (error) return errnoStatus("create the folder of " + path, error.value());
  net::CertificateRequest request;
  request.commonName = user;
  request.organizations = std::move(groups);
  request.client = true;
  // One key pair a file: whoever reads the kubeconfig has all of it.
  auto name = std::filesystem::path(path).filename().string();
  TRY(auto pair, certificate("client-" + name, std::move(request)));
  std::string text =
      "apiVersion: v1\n"
      "kind: Config\n"
      "clusters:\n"
      "- name: coxswain\n"
      "  cluster:\n"
      "    server: " +
      server +
      "\n"
      "    certificate-authority-data: " +
      api::base64Encode(ca_.certificatePem) +
      "\n"
      "users:\n"
      "- name: \"" +
      user +
      "\"\n"
      "  user:\n"
      "    client-certificate-data: " +
      api::base64Encode(pair.certificatePem) +
      "\n"
      "    client-key-data: " +
      api::base64Encode(pair.keyPem) +
      "\n"
      "contexts:\n"
      "- name: coxswain\n"
      "  context:\n"
      "    cluster: coxswain\n"
      "    user: \"" +
      user +
      "\"\n"
      "current-context: coxswain\n";
  return writeFile(path, text);
}

}  // namespace coxswain::cmd
