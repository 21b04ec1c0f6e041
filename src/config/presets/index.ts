import { apple } from './apple.ts';
import { auth0 } from './auth0.ts';
import { cognito } from './cognito.ts';
import { entra } from './entra.ts';
import { github } from './github.ts';
import { gitlab } from './gitlab.ts';
import { google } from './google.ts';
import { keycloak } from './keycloak.ts';
import { okta } from './okta.ts';
import type { Preset } from './preset.ts';

export const presetNames = [
  'keycloak',
  'entra',
  'google',
  'okta',
  'auth0',
  'cognito',
  'gitlab',
  'github',
  'apple',
] as const;

/** The well-known providers. Nothing else of the gateway knows their names. */
export const presets: Readonly<Record<(typeof presetNames)[number], Preset>> = {
  keycloak,
  entra,
  google,
  okta,
  auth0,
  cognito,
  gitlab,
  github,
  apple,
};
