#pragma once

#include <string>
#include <utility>

#include "apiserver/server/auditing.h"
#include "apiserver/server/exchange.h"
#include "net/http.h"

namespace coxswain::apiserver {

/// What every answer has beside its own: headers of audit and flow control; and what is known of it
/// afterwards. Adds no coroutine of its own.
class ResponseTap final : public net::ResponseWriter {
 public:
  explicit ResponseTap(net::ResponseWriter& inner) : inner_(inner) {}
  /// Whose headers are added; once, before the answer.
  void attach(Exchange* exchange) { exchange_ = exchange; }

  Task<Status> start(int status, net::Headers headers) override {
    code_ = status;
    addTo(headers);
    if (exchange_ && exchange_->audit) auditStarted(*exchange_, status);
    return inner_.start(status, std::move(headers));
  }
  Task<Status> write(std::string_view data) override {
    bodyBytes_ += data.size();
    return inner_.write(data);
  }
  Task<Status> end(net::Headers trailers) override { return inner_.end(std::move(trailers)); }
  using net::ResponseWriter::end;
  Task<Status> respond(int status, net::Headers headers, std::string body) override {
    code_ = status;
    bodyBytes_ += body.size();
    addTo(headers);
    return inner_.respond(status, std::move(headers), std::move(body));
  }
  Task<Result<std::unique_ptr<net::Stream>>> upgrade(net::Headers headers) override {
    code_ = 101;
    addTo(headers);
    if (exchange_ && exchange_->audit) auditStarted(*exchange_, code_);
    return inner_.upgrade(std::move(headers));
  }
  [[nodiscard]] bool started() const override { return inner_.started(); }
  void goOnWith(std::shared_ptr<net::LastingAnswer> rest) override {
    inner_.goOnWith(std::move(rest));
  }
  void limitStalls(Duration longest) override { inner_.limitStalls(longest); }

  [[nodiscard]] int code() const { return code_; }  ///< 0: none was sent
  [[nodiscard]] size_t bodyBytes() const { return bodyBytes_; }

 private:
  void addTo(net::Headers& headers) const {
    if (!exchange_) return;
    headers.add("Audit-Id", exchange_->auditId);
    const auto* schema = exchange_->flowSchema.get();
    if (!schema) return;
    const auto& uid = schema->object->metadata.uid;
    if (!uid.empty()) headers.add("X-Kubernetes-Pf-Flowschema-Uid", uid);
    if (!schema->levelUid.empty()) {
      headers.add("X-Kubernetes-Pf-Prioritylevel-Uid", schema->levelUid);
    }
  }

  net::ResponseWriter& inner_;
  Exchange* exchange_ = nullptr;
  int code_ = 0;
  size_t bodyBytes_ = 0;
};

}  // namespace coxswain::apiserver
