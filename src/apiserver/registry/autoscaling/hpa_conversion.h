#pragma once

namespace coxswain::api::autoscaling {
namespace v1 {
struct HorizontalPodAutoscaler;
}
namespace v2 {
struct HorizontalPodAutoscaler;
}
}  // namespace coxswain::api::autoscaling

namespace coxswain::apiserver {

// Autoscalers are stored as v2. v1 has a field for the processor's utilization alone; all else
// (other metrics, behavior, what was measured, conditions) is shown in annotations as JSON, which
// v1 clients may write, too. Any thread.
// Upstream: pkg/apis/autoscaling/v1/conversion.go.

/// Annotations that are no valid JSON are dropped. Without any metric: processor at 80 %.
api::autoscaling::v2::HorizontalPodAutoscaler toAutoscalerV2(
    const api::autoscaling::v1::HorizontalPodAutoscaler& object);
/// What the object's annotations say of the same things is replaced.
api::autoscaling::v1::HorizontalPodAutoscaler toAutoscalerV1(
    const api::autoscaling::v2::HorizontalPodAutoscaler& object);

}  // namespace coxswain::apiserver
