import type { Session } from '../../src/session/session.ts';

/**
 * Sessions as the build before the packed form sealed them: in cookies, in the row of a table, and in a listing. They
 * are here as they were made, with the secrets that they open by.
 */
export const secret = 'zPzOv2bayFnyAnmkRF2Ruwia9dDr6AcBFcLfXcjr4UA=';
export const cookieName = 'sallyport';

const [small, whole]: [Session, Session] = [
  {
    id: 'AAAA',
    provider: 'default',
    subject: 'ada',
    providerSessionId: undefined,
    claims: {},
    fetchedClaims: [],
    claimsRefreshAt: undefined,
    accessToken: 't',
    accessTokenExpiresAt: undefined,
    refreshAt: undefined,
    refreshToken: undefined,
    dpopKey: undefined,
    idToken: undefined,
    createdAt: 1795811226.123,
    seenAt: 1795811226,
    expiresAt: 4000000000,
  },
  {
    id: 'MBTmQncZp2_7bAMfAXBVPQ',
    provider: 'default',
    subject: '4b66202a-9554-46c6-abab-62ad09f77bf3',
    providerSessionId: 'sid-1',
    claims: {
      sub: '4b66202a-9554-46c6-abab-62ad09f77bf3',
      preferred_username: 'ada',
      email: 'ada@example.com',
      groups: ['staff', '관리자'],
    },
    fetchedClaims: ['email'],
    claimsRefreshAt: 1795811000,
    accessToken:
      'eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsxIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tL3JlYWxtcy9tYWluIiwic3ViIjoiNGI2NjIwMmEtOTU1NC00NmM2LWFiYWItNjJhZDA5Zjc3YmYzIiwiYXVkIjoiYWNjb3VudCIsImV4cCI6NDAwMDAwMDAwMH0.2ObcuHaLcumydgj56O0NhGeWlpaxgv3zqDlZS-JW-xBCXkxbVtrtn1OSDU2H4hT_D5JTYq9m644CzYtNPiY9BJgv_ApZDqOtaq_p-JUGsiF_OMhgGgyPuhv0iNhH2U_3trMptDQtjNlr85CHB-3kDJqa73cSivWSDJuzvuF2wHNPHD1nA3I0K_LtQ2VAxfX151bRkouJEu47W01MeW7fbJgEoM9RXqDpZ3b-lHcW5rA5aoMoIoLLxXaGkKZViHWPVH5DS8LiIVDaWA9yXB0WTFKiCdnd4HzWMIo_wmSEfMiKsre24Hrdb4MH-fhT_M-FkDpq3dfbhMFzG8nn6mtLqA',
    accessTokenExpiresAt: 4000000000,
    refreshAt: 3999999950,
    refreshToken: 'mKnTqBODvwepXQdVA24vehNlV7BgtnOUyOBrBY-G24xHNT5H_y-xTA',
    dpopKey: 'ujw1Sjl30bnEBNzijNe61an1kmZQtGCoxZSXaKSMK58',
    idToken:
      'eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsxIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tL3JlYWxtcy9tYWluIiwic3ViIjoiNGI2NjIwMmEtOTU1NC00NmM2LWFiYWItNjJhZDA5Zjc3YmYzIiwiYXVkIjoiZ2F0ZSIsImdyb3VwcyI6WyJzdGFmZiIsIuq0gOumrOyekCJdfQ.LMSjrRif_-pekZOmdLPC9baXiRZ8ev3L7scBy_sPouygToQvs_P1_40t6cZqdVZ_lKMQQYLPwsmVOMu7M7CoiLYSE-d64k2n9xjsaMG47rlbomce9UCh65KoTjRywreKQt2r4aTab9TRwG2o7uzP5aj95MpOh7qdgyfWfC0tRXBbvdT_D-4QRk_Os1lEixHH9arPtLj1umxZRoKGzsABuFTsPcYWQh61l5FdUsJDsVG6nMKTy_YIe3X_EWIjJ6mmmoo-dYmUgW31Ut8WvYA9CUee9lXhZ7OsVV99mOEcJBZIqj9jRYYWPIEjwSJ43Mu6n3q53apUQMUhAuzSqMd6CQ',
    createdAt: 1795811226.123,
    seenAt: 1795811226,
    expiresAt: 4000000000,
  },
];

export const sealedCookies: [sealed: string, session: Session][] = [
  [
    'AXpst8FX9HGAAdMzmJa3qyq9_EWfw6zqw4ODmKpl83S_e7YpDbpj-9mcpCDan87bVGGkZA1iFWL6etUsLqt8YQosBaZLoZgtBxyjCMQzWuKsPG_UgWuFM11W_Ly_BYb34U2ba-hS5bNUNTaO5xkAdn6y2-e07wQBYevpaNVwrXUYCi1D81Lf44H4gfs',
    small,
  ],
  [
    'Anpst8FqLfC2tsK8Vj-zD1KnFFO0RVhhA4ZAwt0pjJO3itgTPvytp0YnB1G5cjR6vmsnKsWLkZMj3RjANo_8nvlDaqQTSPmmdPLvTf2z-zWE6KiEAiU0ziaujUlAyH0qU7We3tz5o-IHubbAviaGKPZoCQZK4xP-jR-ZgNLcPoQHWDVqVQcjsEJcAxkhbHlyqCOraCxWmYLs2lUnqfZIEZdANUZx8WKOZPuyZHRb6gzQSr8KCuDqfm-pTBN7xk0MX1RbKZKwVOlUSmZvf5bBHKsh_mUHsg0NzhsqTqghnZt6FUTr9HZJiODLoJYnA-NSbfXjOLSSJaZvSp_j1DQ3h_QfeXzhuwEV_npPpTx52lbcHgCpmMg9MpHX2dKcltq95n63NR4uDFJh6ijc0Ohodynhvf_ia_rDG5VeL1LJ7FcxPr5ndyJPIYGY4DfPynZE8_1l8bWaEK7rvahVKdsYktEqSAY-VGdqYtmuwYkiWvKd_Y4GCDEDX9WR9f0_R4LlcSggCrWKiupGinG-OMFDuzPU2Wtf9uYckAU57tTSyFMJ_JG-_PJPDyesLMKKwl6Z3xFQVyy7A42Zqt1Dn--tUAw3XOfDLr-CVbKMiV6sRdQfCNxAfDUF4qtU8SEjdmiKaE3gMxdUlEexB25x3CkMkUBB4ITkMWl0aOI5k5IyBkbY3IcQrmmw9N-8nNZyOjSgxdy34EYi0iYLcvjZJwrSSOPHgDrkSE6lZsWxeFkF7fygiY1Xc5IMbSth6_aQnPSX8NsACPwoB3x8iS5JiAqvsbrJ9f6j2IvkXGPsgeVjQNbl_PQEJzls-OEkYNzJSTRy5-hQ470JLrqoldibq7Lgh52fez00BRL80tDMqJKGJvuV2D13iHUOgf-9v2vKuqL6Zgt_6BMrsoW_eXGfe2gZAlEOcaDWzb4_gwcviJgMK38HhC7ihDLsRy67lGw9fr1oSjW3GRK2T7RYe-8Zytowkam5SUrBFHeH7SpJj9K3V5mBEYPkH95wZ-CcV8Ya1CWjN4Xrrir1nvjKyFUEFzaEeTukexa2jhIQVRrumeonbKqQ9N9zoIDo13IpqfK1bCXaObBOXo2BPKi8vo2-rv_f1D2mSPUn05YWcL-RS3BLDczZYvvW4RhnHLwq2osb0NCMbnJKr1D1S9hpvUB2xm0ncGx0e0-gUY79Iygc9ScNgIUwInAWEK5r1r--c55PUmlJAP4KTVTI5Evvlm_O3y2l4E-NkFOLiDkMijDra_tcmGS6tY2x5i5P-kLsjkBPQcvYwAb1YSg09opDlOCHbVSRHut7nPnqSY9skz7sqzdOzLybtcImOMxpTxxpmolqe9PoNNY0i_OMb5RpsdpIrt7wq12zlK8wUmaE_nQF3ewm64EwbAXZ_J68DYzKzesiHIPGYLDOxIAMU98l6IGUkDmoUKT3SuRUIgULDJd7GAXHNiyMLSVqlNYeKGk7CgiVhjyXrN4t',
    whole,
  ],
];

export const row = {
  secret: 'DW0NiMgmAoMAG6ocycv0jhGa5QxD9LoFfZnDiW/XiSw=',
  place: 'VMvFrIcEjsA0W3IYFJfyQuEbNnw4gKdYx2lvg4Wpc18',
  value:
    'Am2y_dpHCm_AWPgpNCST3h6c9s7KVZpP55TMDdznd4M1f3yttzFMneBDuqPW4B4ulGRIM8LDo2ift2J7kvZwZWcSYYZHijIm5Q4JNn700IBCfUSV5YFyIhGpmhugOvPVIVbPLH7eDLw1F1ftRpwWxTF6n7z6AiLdD0M2syeD_PWuDU7bnZzUSjH1i5boFBcFn47S9c10ebjw_Vo3kwx4bKfEPeTHmtFQOy55oMrlMwJ2IZvKJaqF09MzRZHPI6nf0vyXSNmLC534ZSAZ7lwQ0Lke6tBrDRDGpXcTPyZm3r9rTMVq-swUeCJRkzkwB720kn2pR-HiW6tEyYEN9yo0duyYfyvO19M0giVj_gucpNrRVlxzC5H24IHPrV7IF0Ls6xjtssTKw9hj52OBMKDShabkshnk6Vc78Z1Ai2q3EFco4Yu1jHZoo0GaOc2fP5_eKLA4QeYgTOE6UGOAqEjqtYItR7c_ujR66qINR59T6w0uAYLUM_LIullcmEfTBI96sGV6WwiRn37PqEBW8vUpFoeyNfEu3yRw77VlrOpwTo92IyT_l4vops8u4FZP9rkLnEcZmG99GuH1QMTLtKJKXIwtrB9RvND6sYwHmjGqbrgusfD2CbHUu5wfbCEmW9U4JguneycGHcDI5rTHOHDLBWZ_zXaw7smJb_1G9EAucxxgsOeh6dwsrGGuDZBjjfNQLy98NRL8wlzDj0LDwhHJcTDusalbn_Xcfej0R2zJSAt_VSvXIuDc9rxxhTUKATO9zX4fpQhJ9x3QB_iScC2a-6OIaHAT22sUdyl6ZOoh_3Kmg1vMl4phAeRwxZUdE_ZZTlIgpFVKloyH7S-8bBaZETgRlDVtGdZVRGlh5bEiOS-DS74F0TPLBG_TD9-LKQyDVT8RxwMNLhNLQ_UC0mr_Rj3wgQ2Ua6SRydyx3XiFIGb5GsZPzZ8KynlpZEN4u5kp3yz8aTSDu60oHdld_R34A4UMbQpt0N9Iy8mx6QZ-Ksv-hP4w1k3ZlITd4OJd2eacTxKvptXouMVM0Dv_F6WWaErRBCHgSkpQrNxsqgrIocdo6srElEj2deeVzyUuMadUEt9iawVMngaTDVyfp1e_ALLd55Ujd4mLRv5of0qTPgKnxUoHWGdZk5ZzASA5wBUtR33ACAa8M4Oloh9ToNlHCtYsf0KKfT0-AkB-xgOS97Uh2Coqvrg744O5RmbiavyqhF4csf-pdqcN9HNPNtq8LachNIdyhghijv-w4MrB3uZBEfb1pjtIeHcIDaWh5JnqORccgMdil8SxpfRizuL1Ockjb-wR4zrGFi2ZjAaxy0MABpVtDJtBxqoDDBmahs7B1LD60tVp9OFDH41n7IqeNkQskBCUjAndC_tYv6dospSGkR9TV-wY4hZCg_sxqJkbtXODy0Fr4Coqu3CDVHSeuUWZ-eBqSVfAWWs6mrnn_k-WfJBUfBPRvk815Gh9cF4cPwxy',
};
export const rowSession = whole;

export const listing = {
  name: 'a-listing',
  place: 'VMvFrIcEjsA0W3IYFJfyQuEbNnw4gKdYx2lvg4Wpc18',
  value:
    'Aq90ZnHaWIxN8Swez1wxlWg5vQB9I-jdArReODgc_ObjO9p97gO-vGtuRpGedKoZzBt-lX7SYlmA64QlhjzLe0JT_9N0nDDkFCisXYLZRmozUJ9kOkpMBX_q37KEYBkQk3IKUuhs0ogDiOQHUlo377kCe0jw_wQIC-nmWnPgMwuXeJl4LdULrF1KBBkq9uJpZd_ciQU8QvymMhEnVIEihzenVUQp8EX9v5JQ1UQUPQOpJwDGYxbW1KaQ9CNcwaBzLI4QRG8ZgS3VU-86muIyBbagqo2Z4QEmz8xrMATDL92xmYMS9cDtkpVpJ1dlwjm48GKN4BQ0sbzC9r4niLeXkCeUKW_DHk-LSijkM-7nimMygcoM4M92Gjr_DzSq-GAftYiIFtofUIfMaTw7P33GVlQ2QBg',
};
