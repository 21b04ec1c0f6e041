import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { parse, stringify } from 'yaml';
import { definitions } from '../../../src/observe/metrics/definitions.ts';
import { openMeters } from '../../../src/observe/metrics/meters.ts';
import { projectRoot } from '../../docs/documents.ts';

interface Rule {
  alert: string;
  expr: string;
  annotations: { summary: string; description: string };
}

interface Panel {
  title: string;
  targets?: { expr: string }[];
}

const alertsFile = join(projectRoot, 'config/observe/alerts.yaml');
const whenFile = join(projectRoot, 'test/observe/metrics/alerts.yaml');
const rules = (parse(readFileSync(alertsFile, 'utf8')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);
const dashboard = JSON.parse(
  readFileSync(join(projectRoot, 'config/observe/grafana-dashboard.json'), 'utf8'),
) as { panels: Panel[] };
const plotted = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => ({ title, expr })),
);

function promtool(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
  return status === 0 ? '' : `${stdout}${stderr}`;
}

test('promtool takes the alert rules, and each of them tells what it should, when it should', async (t) => {
  t.equal(promtool('check', 'rules', alertsFile), '');
  t.equal(promtool('test', 'rules', whenFile), '');
  const when = parse(readFileSync(whenFile, 'utf8')) as {
    tests: { alert_rule_test: { alertname: string; exp_alerts?: unknown[] }[] }[];
  };
  const tried = when.tests
    .flatMap((each) => each.alert_rule_test)
    .filter((each) => each.exp_alerts)
    .map(({ alertname }) => alertname);
  t.strictSame(
    rules.map(({ alert }) => alert).filter((alert) => !tried.includes(alert)),
    [],
  );
});

test('promtool takes every expression of the dashboard', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-dashboard-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'rules.yaml');
  const recorded = plotted.map(({ expr }, index) => ({
    record: `panel:${index}`,
    expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*'),
  }));
  writeFileSync(file, stringify({ groups: [{ name: 'dashboard', rules: recorded }] }));
  t.ok(recorded.length > 20, `${recorded.length} expressions`);
  t.equal(promtool('check', 'rules', file), '');
});

test('every metric and every label of alerts and dashboard is there, and every metric is plotted', async (t) => {
  const meters = openMeters();
  meters.configure({ buckets: [1], routeLabel: true });
  const ofProcess = (await meters.read())?.map(({ name }) => name) ?? [];
  const own = new Map<string, readonly string[]>(
    Object.values(definitions).map(({ name, labels }) => [name, labels]),
  );
  const used = new Set<string>();
  for (const { what, expr } of [
    ...rules.map(({ alert, expr }) => ({ what: alert, expr })),
    ...plotted.map(({ title, expr }) => ({ what: title, expr })),
  ]) {
    const names = [...expr.matchAll(/\b(?:sallyport|nodejs|process)_\w+/g)].map(([name]) => name);
    const known = names.map((name) => name.replace(/_(bucket|sum|count)$/, ''));
    for (const [index, name] of known.entries()) {
      used.add(name);
      t.ok(own.has(name) || ofProcess.includes(names[index] as string), `${what}: ${name}`);
    }
    const allowed = new Set(['job', 'instance', 'le', ...known.flatMap((name) => own.get(name) ?? [])]);
    const labels = [
      ...[...expr.matchAll(/\b(\w+)(?:=~|!~|!=|=)"/g)].map(([, label]) => label as string),
      ...[...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/, */)),
    ];
    for (const label of labels) t.ok(allowed.has(label), `${what}: the label ${label}`);
  }
  t.strictSame(
    [...own.keys()].filter((name) => !used.has(name)),
    [],
  );
});

test('docs/metrics.md lists the alerts with what they say', async (t) => {
  const page = readFileSync(join(projectRoot, 'docs/metrics.md'), 'utf8');
  const listed = [...page.matchAll(/^\| `(Sallyport\w+)` \|/gm)].map(([, alert]) => alert);
  t.strictSame(
    listed,
    rules.map(({ alert }) => alert),
  );
});
