import type { GatewayError } from '../errors.ts';
import { type Answer, type ErrorContext, errorAnswer, retryAfterOf } from './answer.ts';
import { type Action, escapeHtml } from './html.ts';
import { english } from './texts/languages.ts';

/** An answer with holes for what is of one request. */
interface Prepared {
  headers: Answer['headers'];
  /** The text between the holes; one more than these. */
  texts: readonly string[];
  /** What goes into each: the id of the request, or the address of an action by its place. */
  holes: readonly ('id' | number)[];
}

const mark = (hole: 'id' | number) => `@@hole-${hole}@@`;
const marks = /@@hole-(id|\d)@@/;

/**
 * Makes answers of errors like `errorAnswer`, and of each kind of error the text once: who refuses a flood should not
 * make the same page thousands of times. There are as many kinds as there are codes, sets of buttons and languages.
 */
export function createErrorAnswers(): typeof errorAnswer {
  const known = new Map<string, Prepared>();
  return (error, context) => {
    const { page, loginUrl, requestId, texts = english, actions = [] } = context;
    // What else an error says is of one request.
    if ((error.detail ?? error.allow ?? error.challenge ?? loginUrl) !== undefined)
      return errorAnswer(error, context);
    const buttons = page ? actions : [];
    const key = `${texts.language} ${page} ${error.code}${buttons.map(keyOf).join('')}`;
    let prepared = known.get(key);
    if (!prepared) {
      prepared = prepare(error, { ...context, actions: buttons });
      known.set(key, prepared);
    }
    const retryAfter = retryAfterOf(error);
    return {
      status: error.status,
      headers:
        retryAfter === undefined ? prepared.headers : { ...prepared.headers, 'retry-after': retryAfter },
      body: fill(prepared, page, requestId, buttons),
    };
  };
}

const keyOf = ({ label, post }: Action) => ` ${label.key}${post ? '!' : ''}`;

function prepare(error: GatewayError, context: ErrorContext): Prepared {
  const actions = (context.actions ?? []).map((action, at) => ({ ...action, href: mark(at) }));
  const { headers, body } = errorAnswer(error, { ...context, actions, requestId: mark('id') });
  const { 'retry-after': _, ...others } = headers;
  // Every second part is what the mark says.
  const parts = body.split(marks);
  return {
    headers: others,
    texts: parts.filter((_, at) => at % 2 === 0).map(context.page ? inAscii : String),
    holes: parts.filter((_, at) => at % 2 === 1).map((hole) => (hole === 'id' ? hole : Number(hole))),
  };
}

/** What is beyond ASCII by its number: a text with a byte for each character costs less to send. */
const inAscii = (html: string): string =>
  html.replace(/[\u{80}-\u{10ffff}]/gu, (character) => `&#${character.codePointAt(0)};`);

function fill(
  { texts, holes }: Prepared,
  page: boolean,
  requestId: string,
  actions: readonly Action[],
): string {
  let body = texts[0] as string;
  for (const [at, hole] of holes.entries()) {
    const value = hole === 'id' ? requestId : (actions[hole]?.href ?? '');
    body += (page ? escapeHtml(value) : JSON.stringify(value).slice(1, -1)) + texts[at + 1];
  }
  return body;
}
