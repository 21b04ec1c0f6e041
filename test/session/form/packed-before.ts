import type { Session } from '../../../src/session/session.ts';
import { rowSession } from '../sessions-of-form-1.ts';

/** Sessions as they were packed when the form was made. They have to open for as long as there are such cookies. */
export const packedBefore: [packed: string, session: Session][] = [
  [
    'gQEjXIllG2KpoLGHcG5iZh48cE2SzMyMDIwSdS1NTU10TcySzXQTkxKTdM2MElMMLNPMzZPSjOFRkg4qL5CDq7gkMS1NSUfp1ZaG18vWvJk3QSm2drA4FpEpwGnUxAAGkKKkODNF15ABe7ywKiWmJCoxgOMFzEaJVwZY3ERD4z2WAQCCAizEo60Yn//qXpGTpnSzwvW2l4kWfHr9y+7HAcv7D6LsoE6EL7Pz9f+NLenGanVWf5SjEEGCz8LJlTjLuzOwqIi2EhPneuJNp/cY7GjBuO65W6JnHvVAoeuSqE40csK3ikLdq+Gk2m/U0cBtqO7sz+Wo/eTKToe6nYMn1nwtLUVwW73U/w/uEEZPzrNZRIsRx/Wqz7S49bpsWUaChs7AAbhU7D3GFkIetZeRXVLCQ7FRupzCk8v2CHt1/xFiIyepppqKPnWJlIFt9VLfFr2APQlHnvZV4WezrFVffZjhHCQWSKo/Y0WGFjyBI8EieNzLup96ud2qVEDFIQLs0qjHegmCAtjm3Lh2i3LpsnYI+ejtDYRnlpaWsYL986g5WUviVvsQQl5MW1ba7Z9Tkg1Nh+IU/w+SU2KvZuuOAs2LTT4mPQSYL/wKWQ6jrWqv6fiVBrIhfzjIYBoMj7ob9IjYR9lP97azKbQ0LYzZa/OQhwft5Ayamu93Eor1kgybs77hdsBzTxw9ZwNyNCvy7UNlQMX19edW0ZKLiRLuO1tNTHlu32yYBKDPUV6g6Wd2/pR3FuawOWqDKCKCy8V2hpCmVYh1j1R+Q0vC4iFQ2lgPclwdFkxSognZ3eB81jCKP8JkhHzIirK3tuB63W+DB/n4U/zPhZA6at3X24TBcxvJ5+prS6gBAcACmKnTqBODvwepXQdVA24vehNlV7BgtnOUyOBrBY+G24xHNT5H/y+xTIABMBTmQncZp2/7bAMfAXBVPQGAAro8NUo5d9G5xATc4ozXutWp9ZJmULRgqMWUl2ikjCufAmUBmMiF68NoAs6BirYQxQM=',
    rowSession,
  ],
  [
    'vgEjXIllG2KpoLGHcG5iZh48cE2SzMyMDIwSdS1NTU10TcySzXQTkxKTdM2MElMMLNPMzZPSjOFRkg4qL5CDq7gkMS1NSUfp1ZaG18vWvJk3QSm2drA4FpEpwGnUxAAGahkStZP0batrYTFTnJ+bmpSfUqmQmlOcylCcmaJryIA9rliVElMSlRjAcQVmo8Q1AzS+EvWSWKuV8pSsdA10lHKVrAxTLS0tdZTi4wuK8kvy4+OVrAxrGRiioQkmlgEAggIsxKOtGJ//6l6Rk6Z0s8L1tpeJFnx6/cvuxwHL+w+i7KBOhC+z8/X/jS3pxmp1Vn+UoxBBgs/CyZU4y7szsKiIthIT53riTaf3GOxowbjuuVuiZx71QKHrkqhONHLCt4pC3avhpNpv1NHAbaju7M/lqP3kyk6Hup2DJ9Z8LS1FcFu91P8P7hBGT86zWUSLEcf1qs+0uPW6bFlGgobOwAG4VOw9xhZCHrWXkV1SwkOxUbqcwpPL9gh7df8RYiMnqaaaij51iZSBbfVS3xa9gD0JR572VeFns6xVX32Y4RwkFkiqP2NFhhY8gSPBInjcy7qferndqlRAxSEC7NKox3oJggLY5ty4doty6bJ2CPno7Q2EZ5aWlrGC/fOoOVlL4lb7EEJeTFtW2u2fU5INTYfiFP8PklNir2brjgLNi00+Jj0EmC/8ClkOo61qr+n4lQayIX84yGAaDI+6G/SI2EfZT/e2sym0NC2M2WvzkIcH7eQMmprvdxKK9ZIMm7O+4XbAc08cPWcDcjQr8u1DZUDF9fXnVtGSi4kS7jtbTUx5bt9smASgz1FeoOlndv6UdxbmsDlqgygigsvFdoaQplWIdY9UfkNLwuIhUNpYD3JcHRZMUqIJ2d3gfNYwij/CZIR8yIqyt7bget1vgwf5+FP8z4WQOmrd19uEwXMbyefqa0uoAQUrId6tvu8SFADYfWZvb2Zvb2Zvb2Zvb2ZvbwFCgAEwFOZCdxmnb/tsAx8BcFU9AYACujw1Sjl30bnEBNzijNe61an1kmZQtGCoxZSXaKSMK58CZQHKAbaez7ANgqDZ5h0A',
    {
      ...rowSession,
      refreshToken: 'a+b/=.deadbeef.e30.\ud800.Zm9vZm9vZm9vZm9vZm9vB',
      claims: { ...rowSession.claims, 'a.b': JSON.parse('{"n":-0,"m":1e400,"__proto__":1}') },
      subject: 'somebody else',
      createdAt: 0.1,
      claimsRefreshAt: undefined,
    },
  ],
];

/** SHA-256, in base64url. Another dictionary is another form, with a version of its own. */
export const dictionaryDigest = '5bYbVi-NcywiQXUZMrvW-D2qC0UsAcJ8MNocIdc5m0A';
