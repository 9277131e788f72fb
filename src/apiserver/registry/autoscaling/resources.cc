#include "api/gen/autoscaling_v1.h"
#include "api/gen/autoscaling_v2.h"
#include "apiserver/registry/autoscaling/hpa_conversion.h"
#include "apiserver/registry/strategies.h"
#include "apiserver/registry/table.h"

namespace coxswain::apiserver {

void addAutoscaling(ResourceTable& table) {
  auto& v1 = table.add<api::autoscaling::v1::HorizontalPodAutoscaler,
                       api::autoscaling::v1::HorizontalPodAutoscalerList>(
      {.plural = "horizontalpodautoscalers",
       .singular = "horizontalpodautoscaler",
       .shortName = "hpa",
       .category = "all",
       .keyPrefix = "/registry/horizontalpodautoscalers",
       .storageVersionHash = "qwQve8ut294=",
       .status = true},
      makeHorizontalPodAutoscalerV1Strategy());
  storeAs<toAutoscalerV2, toAutoscalerV1, api::autoscaling::v1::HorizontalPodAutoscaler,
          api::autoscaling::v2::HorizontalPodAutoscaler>(v1);
  table.add<api::autoscaling::v2::HorizontalPodAutoscaler,
            api::autoscaling::v2::HorizontalPodAutoscalerList>(
      {.plural = "horizontalpodautoscalers",
       .singular = "horizontalpodautoscaler",
       .shortName = "hpa",
       .category = "all",
       .keyPrefix = "/registry/horizontalpodautoscalers",
       .storageVersionHash = "qwQve8ut294=",
       .status = true},
      makeHorizontalPodAutoscalerStrategy());
}

}  // namespace coxswain::apiserver
