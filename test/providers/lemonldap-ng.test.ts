import { kit } from './kits/lemonldap-ng.ts';
import { tryProvider } from './run.ts';

tryProvider(kit);
