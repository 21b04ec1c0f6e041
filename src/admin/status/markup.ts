import { escapeHtml } from '../../pages/html.ts';
import { english } from '../../pages/texts/languages.ts';
import { say, type Text } from '../../pages/texts/text.ts';

/** HTML whose values are escaped. Only the functions here make one, so that no word of a client gets into a page as it came. */
export class Markup {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

type Value = Markup | Text | string | number | undefined | false | readonly Value[];

/** HTML with values in elements and quoted attributes: all of them are escaped but markup; texts are put into words. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(
    parts.map((part, at) => part + (at < values.length ? sourceOf(values[at]) : '')).join(''),
  );
}

function sourceOf(value: Value): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Markup) return value.source;
  if (typeof value !== 'object') return escapeHtml(String(value));
  return 'key' in value ? escapeHtml(say(english, value)) : value.map(sourceOf).join('');
}

/** A time as people read it, in UTC: all of it, the day, or what tells it apart within this day. */
export function timeOf(at: number, form: 'whole' | 'day' | { seenAt: number } = 'whole'): Markup {
  const iso = new Date(at).toISOString();
  const [day, time] = [iso.slice(0, 10), iso.slice(11, 19)];
  if (form === 'whole') return html`<time datetime="${iso}">${day} ${time} UTC</time>`;
  if (form === 'day') return html`<time datetime="${iso}">${day}</time>`;
  const isToday = new Date(form.seenAt).toISOString().startsWith(day);
  return html`<time datetime="${iso}">${!isToday && html`${day} `}${time}</time>`;
}
