// client-go against our API server: typed clients, a shared informer, protobuf and JSON.
package clients

import (
	"context"
	"os"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func deployment(name string) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	replicas := int32(2)
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "nginx"}}},
			},
		},
	}
}

func TestDeploymentWithInformer(t *testing.T) {
	for _, contentType := range []string{"application/json", "application/vnd.kubernetes.protobuf"} {
		t.Run(contentType, func(t *testing.T) {
			config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
			if err != nil {
				t.Fatal(err)
			}
			config.ContentType = contentType
			client := kubernetes.NewForConfigOrDie(config)
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
			defer cancel()

			events := make(chan string, 100)
			factory := informers.NewSharedInformerFactory(client, 0)
			informer := factory.Apps().V1().Deployments().Informer()
			informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
				AddFunc: func(o any) { events <- "add " + o.(*appsv1.Deployment).Name },
				UpdateFunc: func(_, o any) {
					events <- "update " + o.(*appsv1.Deployment).Annotations["step"]
				},
				DeleteFunc: func(any) { events <- "delete" },
			})
			factory.Start(ctx.Done())
			if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
				t.Fatal("the informer does not sync")
			}
			expect := func(want string) {
				t.Helper()
				select {
				case got := <-events:
					if got != want {
						t.Fatalf("event %q, want %q", got, want)
					}
				case <-ctx.Done():
					t.Fatalf("no event %q", want)
				}
			}

			deployments := client.AppsV1().Deployments("default")
			made, err := deployments.Create(ctx, deployment("web"), metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if made.Generation != 1 || made.Spec.Strategy.RollingUpdate.MaxSurge.String() != "25%" {
				t.Fatalf("not as a server makes it: %v", made)
			}
			expect("add web")
			if _, err = deployments.Create(ctx, deployment("web"), metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
				t.Fatalf("second create: %v", err)
			}
			made.Annotations = map[string]string{"step": "one"}
			if _, err = deployments.Update(ctx, made, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
			expect("update one")
			if _, err = deployments.Update(ctx, made, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
				t.Fatalf("stale update: %v", err)
			}
			list, err := deployments.List(ctx, metav1.ListOptions{})
			if err != nil || len(list.Items) != 1 || list.Items[0].Name != "web" {
				t.Fatalf("list: %v %v", list, err)
			}
			if err = deployments.Delete(ctx, "web", metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			expect("delete")
			if _, err = deployments.Get(ctx, "web", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				t.Fatalf("get after delete: %v", err)
			}
		})
	}
}
