/** How long a login may take. */
export const loginLifetimeSeconds = 600;
