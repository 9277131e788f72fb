// The JavaScript client (npm: @kubernetes/client-node) against our API server: create, watch,
// patches of every type, server-side apply with a conflict, delete.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as k8s from '@kubernetes/client-node';

const config = new k8s.KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(k8s.CoreV1Api);
const apps = config.makeApiClient(k8s.AppsV1Api);
const namespace = 'default';

const deployment = (name) => ({
  metadata: { name },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'web', image: 'nginx:1' }] },
    },
  },
});

const as = (strategy) => k8s.setHeaderOptions('Content-Type', strategy);

test('patches of every type', async () => {
  const name = 'js-patched';
  const made = await apps.createNamespacedDeployment({ namespace, body: deployment(name) });
  assert.equal(made.spec.strategy.type, 'RollingUpdate');
  assert.ok(made.metadata.creationTimestamp instanceof Date);
  const change = (body, strategy) =>
    apps.patchNamespacedDeployment({ name, namespace, body }, as(strategy));
  let now = await change([{ op: 'replace', path: '/spec/replicas', value: 3 }],
    k8s.PatchStrategy.JsonPatch);
  assert.equal(now.spec.replicas, 3);
  now = await change({ metadata: { labels: { tier: 'front' } } }, k8s.PatchStrategy.MergePatch);
  assert.equal(now.metadata.labels.tier, 'front');
  const containers = [{ name: 'side', image: 'busybox' }];
  now = await change({ spec: { template: { spec: { containers } } } },
    k8s.PatchStrategy.StrategicMergePatch);
  assert.deepEqual(now.spec.template.spec.containers.map((c) => c.name), ['side', 'web']);
  assert.equal(now.metadata.generation, 3);
  await assert.rejects(change({ spec: { replicas: -1 } }, k8s.PatchStrategy.MergePatch),
    (error) => error.code === 422 && error.body.includes('spec.replicas'));
  await apps.deleteNamespacedDeployment({ name, namespace });
  await assert.rejects(apps.readNamespacedDeployment({ name, namespace }),
    (error) => error.code === 404);
});

test('server-side apply', async () => {
  const name = 'js-applied';
  const apply = (fieldManager, replicas, force) => apps.patchNamespacedDeployment(
    {
      name, namespace, fieldManager, force,
      body: { apiVersion: 'apps/v1', kind: 'Deployment', ...deployment(name),
        spec: { ...deployment(name).spec, replicas } },
    }, as(k8s.PatchStrategy.ServerSideApply));
  assert.equal((await apply('one', 2)).spec.replicas, 2);
  await assert.rejects(apply('two', 4),
    (error) => error.code === 409 && error.body.includes('conflict with \\"one\\": .spec.replicas'));
  const taken = await apply('two', 4, true);
  assert.equal(taken.spec.replicas, 4);
  assert.deepEqual(taken.metadata.managedFields.map((m) => m.manager).sort(), ['one', 'two']);
  await apps.deleteNamespacedDeployment({ name, namespace });
});

test('informer', async () => {
  const seen = [];
  const waiting = [];
  const note = (text) => {
    seen.push(text);
    for (const wake of waiting.splice(0)) wake();
  };
  const until = async (text) => {
    while (!seen.includes(text)) await new Promise((resolve) => waiting.push(resolve));
  };
  const labelSelector = 'test=js';
  const informer = k8s.makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`,
    () => core.listNamespacedConfigMap({ namespace, labelSelector }), labelSelector);
  informer.on('add', (o) => note(`add ${o.metadata.name}`));
  informer.on('update', (o) => note(`update ${o.data.a}`));
  informer.on('delete', (o) => note(`delete ${o.metadata.name}`));
  await informer.start();
  const metadata = { name: 'js-watched', labels: { test: 'js' } };
  await core.createNamespacedConfigMap({ namespace, body: { metadata, data: { a: '1' } } });
  await until('add js-watched');
  await core.replaceNamespacedConfigMap(
    { name: metadata.name, namespace, body: { metadata, data: { a: '2' } } });
  await until('update 2');
  await core.deleteNamespacedConfigMap({ name: metadata.name, namespace });
  await until('delete js-watched');
  await informer.stop();
  assert.deepEqual(seen.filter((text) => text.startsWith('add')), ['add js-watched']);
});
