import type { SharingProcess } from '../support/shared.ts';
import type { ContractProcess } from './contract.ts';

/** A process that lives in that of the test. */
export function processOf(sharing: SharingProcess, kill: ContractProcess['kill']): ContractProcess {
  const { place, revocations, once, settle, claim } = sharing;
  return {
    once,
    settle,
    claim,
    get: async (id) => place.sessions.get(id),
    set: place.sessions.set,
    replace: place.sessions.replace,
    delete: place.sessions.delete,
    putListing: place.listings.put,
    listingsUnder: place.listings.under,
    getListing: place.listings.get,
    removeListing: place.listings.remove,
    publish: place.bus.publish,
    revoked: async () => [...revocations.all()].map(({ key }) => key),
    kill,
  };
}
