#pragma once

#include <string>

#include "api/reflect/object.h"
#include "client/client.h"
#include "scheduler/cache/pod_info.h"

namespace coxswain::scheduler {

/// Pods for an informer that nobody but the scheduler uses: objects of record::Pod, whose spec and
/// status can be taken out. A decoded core/v1 Pod is 7 KB, of which a pod that has a node needs
/// metadata and a PodInfo. Clients that have pods as objects already may hand those out instead.
const client::ResourceType& podRecords();

/// What an informer showed.
struct PodSeen {
  PodInfoPtr info;       ///< null: it is terminal, and takes no room
  std::string nodeName;  ///< spec.nodeName
};

/// Reads a core/v1 Pod, or a record that was just decoded: then its spec and status move on (a pod
/// that waits keeps them) or go, and so does metadata that nobody asks for. Once for each record.
PodSeen readPod(const api::ConstObject& object);

}  // namespace coxswain::scheduler
