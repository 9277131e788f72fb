// A controller-runtime manager against our API server: leader election, cache with an index, server-side
// apply of what a controller owns, status, finalizer, field and label selectors through the cache.
package manager

import (
	"context"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1apply "k8s.io/client-go/applyconfigurations/core/v1"
	metav1apply "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

const finalizer = "example.com/mirror"

// mirror keeps a Secret for each ConfigMap with the label mirror=true.
type mirror struct {
	client.Client
}

func (m *mirror) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var source corev1.ConfigMap
	if err := m.Get(ctx, request.NamespacedName, &source); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if source.Labels["mirror"] != "true" {
		return ctrl.Result{}, nil
	}
	if !source.DeletionTimestamp.IsZero() {
		copied := corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: source.Namespace, Name: source.Name}}
		if err := m.Delete(ctx, &copied); client.IgnoreNotFound(err) != nil {
			return ctrl.Result{}, err
		}
		controllerutil.RemoveFinalizer(&source, finalizer)
		return ctrl.Result{}, m.Update(ctx, &source)
	}
	if controllerutil.AddFinalizer(&source, finalizer) {
		return ctrl.Result{}, m.Update(ctx, &source)
	}
	owner := metav1apply.OwnerReference().WithAPIVersion("v1").WithKind("ConfigMap").
		WithName(source.Name).WithUID(source.UID).WithController(true)
	copied := corev1apply.Secret(source.Name, source.Namespace).WithOwnerReferences(owner).
		WithStringData(source.Data)
	return ctrl.Result{}, m.Apply(ctx, copied, client.FieldOwner("mirror"), client.ForceOwnership)
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(4 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Fatal("not within 4 minutes: " + what)
}

func TestManager(t *testing.T) {
	ctrl.SetLogger(zap.New())
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	manager, err := ctrl.NewManager(config, ctrl.Options{
		LeaderElection: true, LeaderElectionID: "mirror.example.com", LeaderElectionNamespace: "default",
		LeaderElectionReleaseOnCancel: true, Metrics: metricsserver.Options{BindAddress: "0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	byOwner := func(object client.Object) []string {
		if owner := metav1.GetControllerOf(object); owner != nil {
			return []string{owner.Name}
		}
		return nil
	}
	if err = manager.GetFieldIndexer().IndexField(ctx, &corev1.Secret{}, "owner", byOwner); err != nil {
		t.Fatal(err)
	}
	err = ctrl.NewControllerManagedBy(manager).For(&corev1.ConfigMap{}).Owns(&corev1.Secret{}).
		Complete(&mirror{manager.GetClient()})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	<-manager.Elected()

	direct, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	source := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "pair", Labels: map[string]string{"mirror": "true"}},
		Data:       map[string]string{"color": "blue"},
	}
	if err = direct.Create(ctx, source); err != nil {
		t.Fatal(err)
	}
	key := client.ObjectKeyFromObject(source)
	copied := func() string {
		var secret corev1.Secret
		if err := direct.Get(ctx, key, &secret); err != nil {
			return err.Error()
		}
		return string(secret.Data["color"])
	}
	eventually(t, "a secret", func() bool { return copied() == "blue" })

	patch := client.MergeFrom(source.DeepCopy())
	source.Data["color"] = "red"
	if err = direct.Patch(ctx, source, patch); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the change", func() bool { return copied() == "red" })

	// What somebody else takes away comes back.
	if err = direct.Delete(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "pair"}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the secret again", func() bool { return copied() == "red" })
	eventually(t, "the index", func() bool {
		var owned corev1.SecretList
		err := manager.GetClient().List(ctx, &owned, client.InNamespace("default"), client.MatchingFields{"owner": "pair"})
		return err == nil && len(owned.Items) == 1
	})

	if err = direct.Delete(ctx, source); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both gone", func() bool {
		return apierrors.IsNotFound(direct.Get(ctx, key, &corev1.ConfigMap{})) &&
			apierrors.IsNotFound(direct.Get(ctx, key, &corev1.Secret{}))
	})
	cancel()
	if err = <-ended; err != nil {
		t.Fatal(err)
	}
}
