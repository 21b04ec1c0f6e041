import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { documentsOf } from './documented.ts';

/** Kubernetes' API, of version 1.30 and later: the keys that the files use, and no others. */

const labels = z.record(z.string(), z.string());
const metadata = z.strictObject({
  name: z.string(),
  namespace: z.string().optional(),
  labels: labels.optional(),
  annotations: labels.optional(),
});
const backendPort = z.strictObject({ number: z.int() });

export const ingressSchema = z.strictObject({
  apiVersion: z.literal('networking.k8s.io/v1'),
  kind: z.literal('Ingress'),
  metadata,
  spec: z.strictObject({
    ingressClassName: z.string(),
    tls: z.array(z.strictObject({ hosts: z.array(z.string()), secretName: z.string() })),
    rules: z.array(
      z.strictObject({
        host: z.string(),
        http: z.strictObject({
          paths: z.array(
            z.strictObject({
              path: z.string(),
              pathType: z.enum(['Exact', 'Prefix', 'ImplementationSpecific']),
              backend: z.strictObject({ service: z.strictObject({ name: z.string(), port: backendPort }) }),
            }),
          ),
        }),
      }),
    ),
  }),
});

const configMapSchema = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('ConfigMap'),
  metadata,
  data: labels,
});

const probe = z.strictObject({ httpGet: z.strictObject({ path: z.string(), port: z.string() }) });
const containerSchema = z.strictObject({
  name: z.string(),
  image: z.string(),
  args: z.array(z.string()),
  envFrom: z.array(z.strictObject({ secretRef: z.strictObject({ name: z.string() }) })),
  ports: z.array(z.strictObject({ name: z.string(), containerPort: z.int() })),
  livenessProbe: probe,
  readinessProbe: probe,
  resources: z.strictObject({ requests: labels, limits: labels }),
  securityContext: z.strictObject({
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    runAsNonRoot: z.literal(true),
    capabilities: z.strictObject({ drop: z.tuple([z.literal('ALL')]) }),
  }),
  volumeMounts: z.array(z.strictObject({ name: z.string(), mountPath: z.string(), readOnly: z.boolean() })),
});

const deploymentSchema = z.strictObject({
  apiVersion: z.literal('apps/v1'),
  kind: z.literal('Deployment'),
  metadata,
  spec: z.strictObject({
    replicas: z.int(),
    selector: z.strictObject({ matchLabels: labels }),
    template: z.strictObject({
      metadata: z.strictObject({ labels }),
      spec: z.strictObject({
        automountServiceAccountToken: z.literal(false),
        containers: z.array(containerSchema),
        volumes: z.array(
          z.strictObject({ name: z.string(), configMap: z.strictObject({ name: z.string() }) }),
        ),
      }),
    }),
  }),
});

const serviceSchema = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('Service'),
  metadata,
  spec: z.strictObject({
    selector: labels,
    ports: z.array(z.strictObject({ name: z.string(), port: z.int(), targetPort: z.string() })),
  }),
});

const policySchema = z.strictObject({
  apiVersion: z.literal('networking.k8s.io/v1'),
  kind: z.literal('NetworkPolicy'),
  metadata,
  spec: z.strictObject({
    podSelector: z.strictObject({ matchLabels: labels }),
    policyTypes: z.array(z.literal('Ingress')),
    ingress: z.array(
      z.strictObject({
        from: z.array(z.strictObject({ namespaceSelector: z.strictObject({ matchLabels: labels }) })),
        ports: z.array(z.strictObject({ protocol: z.literal('TCP'), port: z.int() })).optional(),
      }),
    ),
  }),
});

/** kubernetes.yaml, by its documents in order. */
export function readKubernetes() {
  const [config, deployment, service, ...policies] = documentsOf('kubernetes.yaml');
  return {
    config: configMapSchema.parse(config),
    deployment: deploymentSchema.parse(deployment),
    service: serviceSchema.parse(service),
    policies: policies.map((policy) => policySchema.parse(policy)),
  };
}

/** Gateway API 1.4, experimental channel. */

const name = z.strictObject({ name: z.string() });
const backendRef = z.strictObject({ name: z.string(), port: z.int() });
const headerName = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/)
  .max(256);

export const gatewaySchema = z.strictObject({
  apiVersion: z.literal('gateway.networking.k8s.io/v1'),
  kind: z.literal('Gateway'),
  metadata,
  spec: z.strictObject({
    gatewayClassName: z.string(),
    listeners: z.array(
      z.strictObject({
        name: z.string(),
        protocol: z.literal('HTTPS'),
        port: z.int(),
        hostname: z.string(),
        tls: z.strictObject({ mode: z.literal('Terminate'), certificateRefs: z.array(name) }),
      }),
    ),
  }),
});

const externalAuthSchema = z.strictObject({
  protocol: z.literal('HTTP'),
  backendRef,
  http: z.strictObject({
    path: z.string().regex(/^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$/),
    allowedHeaders: z.array(headerName).max(64),
    allowedResponseHeaders: z.array(headerName).max(64),
  }),
});

const filterSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('RequestHeaderModifier'),
    requestHeaderModifier: z.strictObject({ remove: z.array(headerName).max(16) }),
  }),
  z.strictObject({ type: z.literal('ExternalAuth'), externalAuth: externalAuthSchema }),
  z.strictObject({
    type: z.literal('URLRewrite'),
    urlRewrite: z.strictObject({
      path: z.strictObject({ type: z.literal('ReplaceFullPath'), replaceFullPath: z.string() }),
    }),
  }),
]);

const matchSchema = z.union([
  z.strictObject({
    path: z.strictObject({ type: z.enum(['Exact', 'PathPrefix']), value: z.string() }),
  }),
  z.strictObject({
    headers: z.tuple([
      z.strictObject({ type: z.literal('RegularExpression'), name: headerName, value: z.literal('.*') }),
    ]),
  }),
]);

export const routeSchema = z.strictObject({
  apiVersion: z.literal('gateway.networking.k8s.io/v1'),
  kind: z.literal('HTTPRoute'),
  metadata,
  spec: z.strictObject({
    parentRefs: z.array(name),
    hostnames: z.array(z.string()),
    rules: z.array(
      z.strictObject({
        matches: z.array(matchSchema).max(64),
        filters: z.array(filterSchema).max(16).optional(),
        // A rule without any answers 500.
        backendRefs: z.array(backendRef).optional(),
      }),
    ),
  }),
});

export type HttpRoute = z.output<typeof routeSchema>;

/** Sallyport's own pages, as the documentation lists them: the table of docs/endpoints.md. */
export function ownPages(): string[] {
  const page = readFileSync(new URL('../../../docs/endpoints.md', import.meta.url), 'utf8');
  const listed = [...page.matchAll(/^\| [^|]*`(?:[A-Z]+ )?(\/oauth2\/[\w-]+)/gm)].map(
    ([, path]) => path ?? '',
  );
  return listed.filter((path) => !['/oauth2/auth', '/oauth2/forward-auth'].includes(path));
}
