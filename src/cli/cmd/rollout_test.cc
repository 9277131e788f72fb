#include "cli/testing/cli_test.h"

namespace coxswain::cli::testing {
namespace {

std::string resource(const std::string& plural, const std::string& kind) {
  return R"({"name":")" + plural + R"(","singularName":")" + plural.substr(0, plural.size() - 1) +
         R"(","namespaced":true,"kind":")" + kind +
         R"(","verbs":["create","delete","get","list","patch","update","watch"]})";
}

std::string group(const std::string& name, const std::string& version) {
  return R"({"name":")" + name + R"(","versions":[{"groupVersion":")" + name + "/" + version +
         R"(","version":")" + version + R"("}],"preferredVersion":{"groupVersion":")" + name + "/" +
         version + R"(","version":")" + version + R"("}})";
}

std::string revision(int number, const std::string& image, const std::string& owner = "u1") {
  return R"({"metadata":{"name":"d-)" + std::to_string(number) +
         R"(","annotations":{"kubernetes.io/change-cause":"image )" + image +
         R"("},"ownerReferences":[{"uid":")" + owner + R"(","controller":true}]},"revision":)" +
         std::to_string(number) + R"(,"data":{"spec":{"template":{"$patch":"replace","spec":)" +
         R"({"containers":[{"image":")" + image + R"(","name":"c"}]}}}}})";
}

const char* kSets = "/apis/apps/v1/namespaces/default/daemonsets";
const char* kSet =
    R"({"kind":"DaemonSet","apiVersion":"apps/v1","metadata":{"name":"d","namespace":"default","uid":"u1"},"spec":{"selector":{"matchLabels":{"app":"d"}},"updateStrategy":{"type":"RollingUpdate"},"template":{"spec":{"containers":[{"image":"x:3","name":"c"}]}}}})";

class Rollouts : public CliTest {
 protected:
  Rollouts() {
    api.answers["GET /apis"] = {R"({"kind":"APIGroupList","groups":[)" + group("apps", "v1") + "," +
                                group("batch", "v1") + "," + group("autoscaling", "v2") + "]}"};
    const std::string head = R"({"kind":"APIResourceList","groupVersion":")";
    api.answers["GET /apis/apps/v1"] = {
        head + R"(apps/v1","resources":[)" + resource("daemonsets", "DaemonSet") + "," +
        resource("deployments", "Deployment") + "," +
        resource("controllerrevisions", "ControllerRevision") +
        R"(,{"name":"deployments/scale","kind":"Scale","namespaced":true,"verbs":["get"]}]})"};
    api.answers["GET /apis/batch/v1"] = {head + R"(batch/v1","resources":[)" +
                                         resource("cronjobs", "CronJob") + "," +
                                         resource("jobs", "Job") + "]}"};
    api.answers["GET /apis/autoscaling/v2"] = {
        head + R"(autoscaling/v2","resources":[)" +
        resource("horizontalpodautoscalers", "HorizontalPodAutoscaler") + "]}"};
    api.answers[std::string("GET ") + kSets + "/d"] = {kSet};
    api.answers[std::string("PATCH ") + kSets + "/d"] = {kSet};
    api.answers["GET /apis/apps/v1/namespaces/default/controllerrevisions"] = {
        R"({"kind":"ControllerRevisionList","items":[)" + revision(3, "x:3") + "," +
        revision(1, "x:1") + "," + revision(2, "x:2") + "," + revision(9, "y", "another") + "]}"};
  }
};

TEST_F(Rollouts, HistoryOfADaemonSet) {
  EXPECT_EQ(run({"rollout", "history", "daemonset/d"}).out,
            "daemonset.apps/d \nREVISION  CHANGE-CAUSE\n1         image x:1\n"
            "2         image x:2\n3         image x:3\n\n");
  const auto one = run({"rollout", "history", "daemonset/d", "--revision=2"}).out;
  EXPECT_TRUE(one.starts_with("daemonset.apps/d with revision #2\nPod Template:\n")) << one;
  EXPECT_NE(one.find("    Image:\tx:2\n"), std::string::npos) << one;
  EXPECT_TRUE(one.ends_with("Tolerations:\t<none>\n\n")) << one;
  EXPECT_EQ(run({"rollout", "history", "daemonset/d", "--revision=9"}).err,
            "error: unable to find the specified revision\n");
  EXPECT_EQ(run({"rollout", "history", "daemonset/d", "--revision=1", "-o",
                 "jsonpath={.kind} {.spec.template.spec.containers[0].image}"})
                .out,
            "DaemonSet x:1");
}

TEST_F(Rollouts, UndoOfADaemonSet) {
  EXPECT_EQ(run({"rollout", "undo", "daemonset/d"}).out, "daemonset.apps/d rolled back\n");
  EXPECT_EQ(lastBody("PATCH"),
            R"({"spec":{"template":{"$patch":"replace","spec":{"containers":[{"image":"x:2",)"
            R"("name":"c"}]}}}})");
  EXPECT_EQ(run({"rollout", "undo", "daemonset/d", "--to-revision=3"}).out,
            "daemonset.apps/d skipped rollback (current template already matches revision 3)\n");
  EXPECT_EQ(run({"rollout", "undo", "daemonset/d", "--to-revision=7"}).err,
            "error: unable to find specified revision 7 in history\n");
  const auto dry =
      run({"rollout", "undo", "daemonset/d", "--to-revision=1", "--dry-run=client"}).out;
  EXPECT_TRUE(dry.starts_with("daemonset.apps/d will roll back to Pod Template:\n")) << dry;
  api.answers["GET /apis/apps/v1/namespaces/default/controllerrevisions"] = {
      R"({"kind":"ControllerRevisionList","items":[)" + revision(1, "x:1") + "]}"};
  EXPECT_EQ(run({"rollout", "undo", "daemonset/d"}).err,
            "error: no last revision to roll back to\n");
}

TEST_F(Rollouts, UndoWarnsOfAppliedObjects) {
  std::string applied = kSet;
  applied.insert(applied.find(R"("uid")"),
                 R"("annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}"},)");
  api.answers[std::string("GET ") + kSets + "/d"] = {applied};
  const auto err = run({"rollout", "undo", "daemonset/d"}).err;
  EXPECT_TRUE(
      err.starts_with("Warning: resource daemonsets/d was previously managed with 'kubectl "
                      "apply'. Rolling back will not update the "
                      "kubectl.kubernetes.io/last-applied-configuration annotation"))
      << err;
}

TEST_F(Rollouts, WhatOtherKindsCannot) {
  api.answers["GET /apis/batch/v1/namespaces/default/cronjobs/c"] = {
      R"({"kind":"CronJob","apiVersion":"batch/v1","metadata":{"name":"c","namespace":"default"}})"};
  EXPECT_EQ(run({"rollout", "history", "cronjob/c"}).err,
            "error: no history viewer has been implemented for \"CronJob.batch\"\n");
  EXPECT_EQ(run({"rollout", "status", "cronjob/c"}).err,
            "error: no status viewer has been implemented for CronJob.batch\n");
  EXPECT_EQ(run({"rollout", "undo", "cronjob/c"}).err,
            "error: no rollbacker has been implemented for \"CronJob.batch\"\n");
  EXPECT_EQ(run({"rollout", "restart", "cronjob/c"}).err,
            "error: cronjobs.batch \"c\" restarting is not supported\n");
  EXPECT_EQ(run({"rollout", "pause", "daemonset/d"}).err,
            "error: daemonsets.apps \"d\" pausing is not supported\n");
}

TEST_F(Rollouts, Autoscale) {
  const std::string path = "/apis/apps/v1/namespaces/default/deployments/web";
  const std::string scalers =
      "POST /apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";
  api.answers["GET " + path] = {
      R"({"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"web","namespace":"default"}})"};
  api.answers[scalers] = {
      R"({"kind":"HorizontalPodAutoscaler","apiVersion":"autoscaling/v2","metadata":{"name":"web"}})"};
  EXPECT_EQ(run({"autoscale", "deployment", "web", "--min=2", "--max=5", "--cpu-percent=80"}).out,
            "horizontalpodautoscaler.autoscaling/web autoscaled\n");
  const auto body = lastBody("POST");
  for (const char* part :
       {R"("maxReplicas":5)", R"("minReplicas":2)",
        R"("scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"})",
        R"("target":{"averageUtilization":80,"type":"Utilization"})"}) {
    EXPECT_NE(body.find(part), std::string::npos) << part << " in " << body;
  }
  EXPECT_EQ(run({"autoscale", "deployment", "web", "--max=5", "--memory=200Mi"}).code, 0);
  EXPECT_NE(lastBody("POST").find(R"("target":{"averageValue":"200Mi","type":"AverageValue"})"),
            std::string::npos);
  EXPECT_EQ(run({"autoscale", "deployment", "web"}).err,
            "error: required flag(s) \"max\" not set\n");
  EXPECT_EQ(run({"autoscale", "deployment", "web", "--max=0"}).err,
            "error: --max=MAXPODS is required and must be at least 1, max: 0\n");
  EXPECT_EQ(run({"autoscale", "daemonset", "d", "--max=2"}).err,
            "error: cannot autoscale a DaemonSet: could not find scale subresource for apps/v1, "
            "Resource=daemonsets in discovery information\n");
  EXPECT_EQ(run({"autoscale", "deployment", "web", "--max=2", "--min=3"}).err,
            "error: --max=MAXPODS must be larger or equal to --min=MINPODS, max: 2, min: 3\n");
}

TEST_F(Rollouts, JobsFromCronJobs) {
  api.answers["GET /apis/batch/v1/namespaces/default/cronjobs/c"] = {
      R"({"kind":"CronJob","apiVersion":"batch/v1","metadata":{"name":"c","namespace":"default","uid":"cu"},"spec":{"schedule":"* * * * *","jobTemplate":{"metadata":{"labels":{"a":"b"}},"spec":{"template":{"spec":{"containers":[{"name":"c","image":"x"}],"restartPolicy":"Never"}}}}}})"};
  api.answers["POST /apis/batch/v1/namespaces/default/jobs"] = {
      R"({"kind":"Job","apiVersion":"batch/v1","metadata":{"name":"now"}})"};
  EXPECT_EQ(run({"create", "job", "now", "--from=cronjob/c"}).out, "job.batch/now created\n");
  const auto body = lastBody("POST");
  for (const char* part :
       {R"("annotations":{"cronjob.kubernetes.io/instantiate":"manual"})", R"("labels":{"a":"b"})",
        R"("ownerReferences":[{"apiVersion":"batch/v1","controller":true,"kind":"CronJob",)"
        R"("name":"c","uid":"cu"}])",
        R"("image":"x")"}) {
    EXPECT_NE(body.find(part), std::string::npos) << part << " in " << body;
  }
  EXPECT_EQ(run({"create", "job", "now"}).err,
            "error: either --image or --from must be specified\n");
  EXPECT_EQ(run({"create", "job", "now", "--from=cronjob/c", "--image=x"}).err,
            "error: either --image or --from must be specified\n");
}

}  // namespace
}  // namespace coxswain::cli::testing
