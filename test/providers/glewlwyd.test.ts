import { kit } from './kits/glewlwyd.ts';
import { tryProvider } from './run.ts';

tryProvider(kit);
