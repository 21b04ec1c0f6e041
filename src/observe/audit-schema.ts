import { z } from 'zod';
import { auditEventNames } from './audit-events.ts';

/** It changes when a field goes or means something else. New events and new fields don't change it. */
export const auditVersion = 1;

const about = <T extends z.ZodType>(type: T, description: string) => type.meta({ description });
const optional = (description: string) => about(z.string().optional(), description);
const count = () => z.int().min(0);

/** A line of the audit, as it is documented. Whoever makes one leaves out what is unknown. */
export const auditSchema = z
  .strictObject({
    time: about(z.iso.datetime(), 'when it happened, in UTC'),
    event: about(z.enum(auditEventNames), 'what happened'),
    v: about(z.literal(auditVersion), 'the version of this schema'),
    pid: about(count(), 'the process that tells it'),
    requestId: optional('the request at which it happened; the log and the application have the same'),
    client: optional(
      'the address that it came from, or `unix` for the socket of the admin listener; absent where a front does not say it',
    ),
    user: optional('the user name, as the application is told'),
    subject: optional('the `sub` of the session or the access token'),
    provider: optional('the name of the provider in the configuration'),
    sessionId: optional('the id of the session, the same in all its lines. It opens nothing'),
    method: optional('of the request; for `admin_call`, of the call'),
    path: optional(
      'of the request, without its query and without what looks like a token; for `admin_call`, the endpoint',
    ),
    route: optional('host and path of the route'),
    code: optional('the error code of the answer'),
    rule: optional('the rule that decided'),
    status: about(count().optional(), 'of the answer'),
    reason: optional('why, for people to read'),
    by: optional('who or what brought it about'),
    everywhere: about(z.boolean().optional(), 'whether the person has signed out in all browsers'),
    sessions: about(count().optional(), 'how many sessions were listed'),
    config: optional('the file of the configuration, or `environment`'),
    repeated: about(
      count().optional(),
      'stands for so many more of the same kind within a minute; the other fields are those of the last one. Without `client` it stands for many of them',
    ),
    lost: about(count().optional(), 'so many lines are missing'),
  })
  .meta({ title: 'A line of the audit of Sallyport' });

/**
 * The same as JSON Schema 2020-12.
 * @public scripts/write-reference.mjs makes config/sallyport-audit.schema.json and the documentation of it
 */
export const auditJsonSchema = () => z.toJSONSchema(auditSchema);

export type AuditLine = z.output<typeof auditSchema>;

/** What happened, without what every line has. */
export type AuditFields = Omit<AuditLine, 'time' | 'v' | 'pid'>;
