import { escapeHtml } from './html.ts';

/** A page for a frame that nobody sees: all that it does is to ask for a picture. It has loaded when the picture has. */
export const framePage = (picture: string): string =>
  `<!doctype html><title>-</title><img src="${escapeHtml(picture)}" alt="">`;
