#include "api/codec/json_writer.h"
#include "api/codec/utf8.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/meta/base64.h"
#include "api/names/quote.h"
#include "cli/cmd/generate.h"
#include "cli/framework/errors.h"
#include "client/http/client_config.h"

namespace coxswain::cli {

using namespace api::core::v1;  // NOLINT: the kinds this file makes

namespace {

class NamespaceGenerator final : public Generator {
  void ownFlags(FlagSet& flags) override { (void)flags; }
  Result<json::value> generate(const std::vector<std::string>& words, const FlagSet&) override {
    Namespace object;
    TRY(object.metadata.name, onlyName(words));
    return asValue(object);
  }
};

class ServiceAccountGenerator final : public Generator {
  void ownFlags(FlagSet& flags) override { (void)flags; }
  Result<json::value> generate(const std::vector<std::string>& words, const FlagSet&) override {
    ServiceAccount object;
    TRY(object.metadata.name, onlyName(words));
    return asValue(object);
  }
};

bool isText(const std::string& bytes) {
  const char* end = bytes.data() + bytes.size();
  for (const char* at = bytes.data(); at < end;) {
    const auto size = api::utf8Length(at, end);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

class ConfigMapGenerator final : public Generator {
  void ownFlags(FlagSet& flags) override { sources_.declare(flags); }
  Result<json::value> generate(const std::vector<std::string>& words, const FlagSet&) override {
    ConfigMap object;
    TRY(object.metadata.name, onlyName(words));
    TRY(auto data, sources_.read());
    for (auto& [name, value] : data) {
      if (isText(value)) {
        object.data[name] = std::move(value);
      } else {
        object.binaryData[name] = api::Bytes(std::move(value));
      }
    }
    return asValue(object);
  }
  DataSources sources_;
};

class SecretGenerator final : public Generator {
  void ownFlags(FlagSet& flags) override {
    sources_.declare(flags);
    flags.text(&type_, "type", 0, "Type of the secret.");
  }
  Result<json::value> generate(const std::vector<std::string>& words, const FlagSet&) override {
    Secret object;
    TRY(object.metadata.name, onlyName(words));
    object.type = type_;
    TRY(auto data, sources_.read());
    for (auto& [name, value] : data) object.data[name] = api::Bytes(std::move(value));
    return asValue(object);
  }
  DataSources sources_;
  std::string type_;
};

class TlsSecretGenerator final : public Generator {
  void ownFlags(FlagSet& flags) override {
    flags.text(&certificate_, "cert", 0, "File with the certificate, PEM.");
    flags.text(&key_, "key", 0, "File with its private key, PEM.");
  }
  Result<json::value> generate(const std::vector<std::string>& words, const FlagSet&) override {
    Secret object;
    TRY(object.metadata.name, onlyName(words));
    if (certificate_.empty() || key_.empty()) {
      return fault("key and cert must be specified");
    }
    auto certificate = client::readWholeFile(certificate_);
    if (!certificate.ok()) return asFault(certificate.status());
    auto privateKey = client::readWholeFile(key_);
    if (!privateKey.ok()) return asFault(privateKey.status());
    if (certificate->find("-----BEGIN CERTIFICATE-----") == std::string::npos) {
      return fault("tls: failed to find any PEM data in certificate input");
    }
    if (privateKey->find("PRIVATE KEY-----") == std::string::npos) {
      return fault("tls: failed to find any PEM data in key input");
    }
    object.type = "kubernetes.io/tls";
    object.data["tls.crt"] = api::Bytes(std::move(*certificate));
    object.data["tls.key"] = api::Bytes(std::move(*privateKey));
    return asValue(object);
  }
  std::string certificate_;
  std::string key_;
};

class RegistrySecretGenerator final : public Generator {
  void ownFlags(FlagSet& flags) override {
    flags.text(&server_, "docker-server", 0, "The registry.");
    flags.text(&user_, "docker-username", 0, "User name there.");
    flags.text(&password_, "docker-password", 0, "Password there.");
    flags.text(&email_, "docker-email", 0, "Mail address there.");
    flags.list(&files_, "from-file", 0, "A .dockerconfigjson file instead of the other flags.");
  }
  Result<json::value> generate(const std::vector<std::string>& words, const FlagSet&) override {
    Secret object;
    TRY(object.metadata.name, onlyName(words));
    object.type = "kubernetes.io/dockerconfigjson";
    std::string config;
    if (!files_.empty()) {
      DataSources sources;
      sources.files = files_;
      TRY(auto data, sources.read());
      if (data.size() != 1) return fault("exactly one file is needed");
      config = std::move(data[0].second);
    } else {
      if (user_.empty() || password_.empty()) {
        return fault(
            "either --from-file or the combination of --docker-username, "
            "--docker-password and --docker-server is required");
      }
      api::JsonTextWriter writer(config);
      writer.beginObject();
      writer.key("auths");
      writer.beginObject();
      writer.key(server_);
      writer.beginObject();
      const auto put = [&](const char* name, const std::string& value) {
        if (value.empty()) return;
        writer.key(name);
        writer.string(value);
      };
      put("username", user_);
      put("password", password_);
      put("email", email_);
      put("auth", api::base64Encode(user_ + ":" + password_));
      writer.endObject();
      writer.endObject();
      writer.endObject();
    }
    object.data[".dockerconfigjson"] = api::Bytes(std::move(config));
    return asValue(object);
  }
  std::string server_ = "https://index.docker.io/v1/";
  std::string user_;
  std::string password_;
  std::string email_;
  std::vector<std::string> files_;
};

class QuotaGenerator final : public Generator {
  void ownFlags(FlagSet& flags) override {
    flags.text(&hard_, "hard", 0, "Limits: cpu=1,memory=1Gi,pods=2.");
    flags.text(&scopes_, "scopes", 0, "Scopes: BestEffort,NotTerminating.");
  }
  Result<json::value> generate(const std::vector<std::string>& words, const FlagSet&) override {
    ResourceQuota object;
    TRY(object.metadata.name, onlyName(words));
    if (!hard_.empty()) {
      for (const auto& part : splitAt(hard_, ',')) {
        auto equal = part.find('=');
        if (equal == std::string::npos) {
          return fault("Invalid argument syntax " + part + ", expected <resource>=<value>");
        }
        auto quantity = api::Quantity::parse(part.substr(equal + 1));
        if (!quantity.ok()) return asFault(quantity.status());
        object.spec.hard[part.substr(0, equal)] = *quantity;
      }
    }
    if (!scopes_.empty()) object.spec.scopes = splitAt(scopes_, ',');
    return asValue(object);
  }
  std::string hard_;
  std::string scopes_;
};

Command make(std::string_view name, std::string_view usage, std::string_view summary,
             std::unique_ptr<Verb> (*maker)(), std::vector<std::string_view> aliases = {}) {
  Command command;
  command.name = name;
  command.usage = usage;
  command.summary = summary;
  command.make = maker;
  command.aliases = std::move(aliases);
  return command;
}

}  // namespace

std::vector<Command> coreGenerators() {
  std::vector<Command> out;
  out.push_back(make("namespace", "NAME [--dry-run=server|client|none] [options]",
                     "Create a namespace with the specified name", makeVerb<NamespaceGenerator>,
                     {"ns"}));
  out.push_back(make("configmap",
                     "NAME [--from-file=[key=]source] [--from-literal=key1=value1] [options]",
                     "Create a config map from a local file, directory or literal value",
                     makeVerb<ConfigMapGenerator>, {"cm"}));
  out.push_back(make("serviceaccount", "NAME [options]",
                     "Create a service account with the specified name",
                     makeVerb<ServiceAccountGenerator>, {"sa"}));
  out.push_back(make("quota", "NAME [--hard=key1=value1,key2=value2] [--scopes=A,B] [options]",
                     "Create a quota with the specified name", makeVerb<QuotaGenerator>,
                     {"resourcequota"}));
  auto secret = make("secret", "(docker-registry | generic | tls)", "Create a secret", nullptr);
  secret.children.push_back(make(
      "generic", "NAME [--type=string] [--from-file=[key=]source] [--from-literal=key1=value1]",
      "Create a secret from a local file, directory, or literal value", makeVerb<SecretGenerator>));
  secret.children.push_back(make("tls", "NAME --cert=path/to/cert/file --key=path/to/key/file",
                                 "Create a TLS secret", makeVerb<TlsSecretGenerator>));
  secret.children.push_back(
      make("docker-registry", "NAME --docker-username=user --docker-password=password",
           "Create a secret for use with a Docker registry", makeVerb<RegistrySecretGenerator>));
  out.push_back(std::move(secret));
  return out;
}

}  // namespace coxswain::cli
