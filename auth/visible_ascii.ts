/**
 * What a token and its like are made of, as headers and forms carry them: a space or a line break, a
 * file's last one perhaps, is none of it. A runtime's own exception would show the value.
 */
export const VISIBLE_ASCII = /^[\x21-\x7e]+$/;
