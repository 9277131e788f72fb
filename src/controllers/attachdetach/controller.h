#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controllers/attachdetach/volumes.h"
#include "controllers/framework/controller.h"

namespace coxswain::api::storage::v1 {
struct VolumeAttachment;
}

namespace coxswain::controllers::attachdetach {

/// Index of attachments: byIndex(kByVolume, name of the PersistentVolume).
inline constexpr const char* kByVolume = "volume";

/// Attaches volumes of CSI drivers to the nodes whose pods need them, and detaches them: makes and
/// deletes VolumeAttachments, on which the driver's external attacher acts, and tells each node in
/// status.volumesAttached what is there for it.
///
/// A volume leaves a node when no pod needs it there and the node does not have it in use
/// (status.volumesInUse). First it leaves volumesAttached: from then on a kubelet does not begin to
/// use it; then the node itself is asked once more; then the attachment goes. Where a node that is
/// not ready has had it in use for six minutes, or is tainted out-of-service, it goes all the same.
/// A volume for one node is attached to the next only when it has left the last.
///
/// Keys are names of nodes; only those with the annotation
/// volumes.kubernetes.io/controller-managed-attach-detach are looked after.
/// Upstream: pkg/controller/volume/attachdetach.
class AttachDetachController final : public Controller {
 public:
  struct Options {
    int workers = 5;
    Duration unmountWaitMax = std::chrono::minutes(6);
    bool forceDetachOnTimeout = true;
    Duration attachWaitMax = std::chrono::minutes(2);
  };
  AttachDetachController(const Context& context, Options options);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  using NodePointer = std::shared_ptr<const api::core::v1::Node>;
  using AttachmentPointer = std::shared_ptr<const api::storage::v1::VolumeAttachment>;

  /// A volume that pods of a node need.
  struct Wanted {
    std::string uniqueName;
    VolumePointer volume;
    std::vector<PodPointer> pods;
  };
  /// By name of the attachment.
  using WantedMap = std::map<std::string, Wanted>;
  /// What a round has found out about a node.
  struct Round {
    std::string name;
    NodePointer node;  ///< null: it is gone
    WantedMap wanted;
    std::map<std::string, std::string> reported;  ///< unique name -> attachment
    struct Leaving {
      AttachmentPointer attachment;
      bool verify = true;  ///< ask the node first
    };
    std::vector<Leaving> leaving;
    Duration again{};  ///< zero: when something changes
  };

  void onPod(const client::Change& change);
  void onNode(const client::Change& change);
  void onClaim(const client::Change& change);
  void onVolume(const client::Change& change);
  void onAttachment(const client::Change& change);
  void addNodesOfClaim(const std::string& claimKey);

  [[nodiscard]] WantedMap wantedOn(const std::string& node) const;
  [[nodiscard]] bool needsAttachment(const std::string& driver) const;
  /// The volume's name, where the attachment is one that we make; else nothing. Empty: nobody
  /// knows it any more.
  [[nodiscard]] std::optional<std::string> volumeOf(
      const api::storage::v1::VolumeAttachment& attachment, const Round& round) const;

  void look(Round& round, const AttachmentPointer& attachment);
  void lookAtWanted(Round& round, const AttachmentPointer& attachment, const Wanted& wanted);
  void lookAtUnwanted(Round& round, const AttachmentPointer& attachment,
                      const std::string& uniqueName);
  void tellAttached(const Round& round);
  Task<Status> report(std::shared_ptr<Round> round, std::stop_token stop);
  Task<Status> detach(std::shared_ptr<Round> round, std::stop_token stop);
  Task<Status> attach(std::shared_ptr<Round> round, std::stop_token stop);
  /// Nodes other than `node` that have the volume, or are about to.
  [[nodiscard]] std::set<std::string> otherNodes(const std::string& volume,
                                                 const std::string& node);
  void tellMultiAttach(const Round& round, const Wanted& wanted,
                       const std::set<std::string>& others);
  void tellFailed(const Wanted& wanted, const std::string& why);
  static void sooner(Round& round, Duration wait);

  Options options_;
  client::Informer& pods_;
  client::Informer& nodes_;
  client::Informer& claims_;
  client::Informer& volumes_;
  client::Informer& drivers_;
  client::Informer& attachments_;

  // All of it may be lost: it only spares repeated events, and waits that then begin again.
  struct Making {
    std::string volume;
    std::string node;
    MonotonicTime since{};
  };
  std::map<std::string, Making> making_;           ///< attachments that the cache does not show yet
  std::map<std::string, MonotonicTime> waiting_;   ///< attachments: since when to go, or to come
  std::map<std::string, std::string> toldErrors_;  ///< attachment -> what was told
  std::set<std::string> toldMultiAttach_;          ///< attachments
  std::set<std::string> toldAttached_;             ///< attachments
};

}  // namespace coxswain::controllers::attachdetach
