/**
 * Every sentence that people read, in English: the language that others fall back to. `{name}` stands for a value;
 * a translation may put it elsewhere in the sentence. What programs read, such as `error_description`, is not here.
 */
export const en = {
  // The sentence of each error, by its code.
  'error.malformed_target': 'The address of this request is not one that can be forwarded safely.',
  'error.ambiguous_path': 'The address of this request can be read in two ways, so it was refused.',
  'error.ambiguous_host': 'The request names no host, or more than one.',
  'error.malformed_request': 'The request could not be read as HTTP.',
  'error.unknown_host': 'This gateway does not answer for the host that was asked for.',
  'error.not_signed_in': 'You need to sign in to see this.',
  'error.step_up_required': 'You need to sign in again, or more strongly, to see this.',
  'error.step_up_failed': 'The sign-in service did not sign you in as strongly as this needs.',
  'error.token_missing': 'This needs an access token.',
  'error.token_invalid': 'The access token was not accepted.',
  'error.insufficient_scope': 'The access token is not good for this.',
  'error.not_allowed': 'You are signed in, and this is not for you.',
  'error.token_refused':
    'You are signed in, and the sign-in service gives you no token for this application.',
  'error.destination_refused': 'What this would be copied or moved to is not open to it.',
  'error.untrusted_peer': 'Only proxies that the gateway trusts may ask this.',
  'error.cross_site': 'This request came from another site, so it was refused.',
  'error.forgery_header_missing': 'This request needs the header X-Requested-With.',
  'error.unknown_provider': 'There is no sign-in service of that name here.',
  'error.unknown_endpoint': 'There is no such page here.',
  'error.no_route': 'No application is configured for this address.',
  'error.method_not_allowed': 'This method is not allowed here.',
  'error.body_too_large': 'What was sent is larger than this application takes.',
  'error.rate_limited': 'There were too many requests in a short time.',
  'error.request_timeout': 'The request took too long to arrive.',
  'error.headers_too_large': 'The headers of the request, cookies included, are too large.',
  'error.internal': 'Something went wrong in the gateway.',
  'error.upstream_unreachable': 'The application behind this gateway cannot be reached.',
  'error.upstream_invalid': 'The application behind this gateway gave an answer that is not valid.',
  'error.token_unavailable': 'The gateway gets no token for the application behind it.',
  'error.upstream_timeout': 'The application behind this gateway took too long to answer.',
  'error.provider_unavailable': 'The sign-in service cannot be reached at the moment.',
  'error.client_rejected': 'The sign-in service does not know this site. Its operators have to mend that.',
  'error.store_unavailable': 'Your session cannot be looked up at the moment.',
  'error.overloaded': 'There is too much to do here at the moment.',
  'error.upstream_busy': 'The application behind this gateway has too much to do at the moment.',
  'error.maintenance': 'The application behind this gateway is being worked on.',
  'error.logout_token_invalid': 'The logout token is not valid.',
  'error.login_cookie_missing':
    'This sign-in was not started in this browser, has expired or was used before.',
  'error.login_state_mismatch': 'The answer of the sign-in service does not belong to this sign-in.',
  'error.login_refused': 'The sign-in service refused the sign-in.',
  'error.login_not_admitted': 'This account is not one that may sign in here.',
  'error.login_response_invalid': 'The answer of the sign-in service is not valid.',
  'error.login_token_invalid': 'The sign-in service gave a token that failed its checks.',
  'error.login_loop': 'Signing in worked, yet your browser keeps coming back without the session.',
  'error.session_too_large': 'The session of this sign-in is too large for cookies.',

  // The title above it, by the status.
  'title.400': 'This did not work',
  'title.401': 'Please sign in',
  'title.403': 'Not allowed',
  'title.404': 'Not found',
  'title.405': 'Not possible here',
  'title.408': 'Too slow',
  'title.413': 'Too large',
  'title.421': 'Wrong address',
  'title.429': 'One moment, please',
  'title.431': 'Too large',
  'title.500': 'Something went wrong',
  'title.502': 'The application does not answer',
  'title.503': 'One moment, please',
  'title.504': 'The application is too slow',

  // What stands behind the sentence of an error: requests and their addresses.
  'detail.authorization_twice': 'It has more than one Authorization header.',
  'detail.parameter_invalid': 'The parameter {name} is not valid.',
  'detail.session_not_named': 'iss and sid have to be those of a session.',
  'detail.sign_out_by_post': 'A script signs out by POST.',
  'detail.below_endpoints':
    'The gateway answers what is below {prefix} itself: send it there without asking.',
  'detail.peer_not_listed': "{address} is not in trustedProxies of the gateway's configuration.",
  'detail.original_not_named':
    'The proxy has to name the original request in X-Forwarded-Uri or X-Original-URL.',
  'detail.original_address_differs': 'The question names the address of the original request in two ways.',
  'detail.original_host_differs': 'The question names the host of the original request in two ways.',
  'detail.original_method_differs': 'The question names the method of the original request in two ways.',
  'detail.host_differs': 'The request line and the Host header differ.',
  'detail.hosts_listed': 'It answers for {hosts}; see publicUrl in its configuration.',
  'detail.prefix_spelt_oddly': '{prefix} cannot be taken off the path as it is spelt.',
  'detail.may_be_endpoint': "It may be more than one of the gateway's own endpoints.",
  'detail.other_rule_without_prefix': 'Without its prefix it is a place of another rule.',
  'detail.path_too_long': 'It is longer than {bytes} bytes and can be read in several ways.',
  'detail.dot_segment': 'The segment that ends at {spelling} may be read as . or ...',
  'detail.broken_escape': '{spelling} is not an escape.',
  'detail.hidden_escape': '{spelling} may become an escape.',
  'detail.loose_overlong': '{spelling} may begin a character of ASCII.',
  'detail.too_many_ways': 'It can be read in too many ways; the last one is at {spelling}.',
  'detail.other_rule_by_case':
    '{segment} is a place of another rule to those who ignore the case of letters.',
  'detail.several_ways': '{spelling} can be read in several ways, and they are places of different rules.',
  'detail.destination_on_other_host': 'It is on another host.',
  'detail.destination_of_other_rule': 'It is a place of another rule or of another application.',
  'detail.destination_written_by_other_rule': 'What may be written there is decided by another rule.',
  'detail.destination_above_other_rule': 'What is below it is protected by another rule.',

  // The same, in the words of those who run the site.
  'detail.maintenance': '{words}',

  // The same: access, and sessions.
  'detail.token_rejected': '{description}.',
  'detail.scope_needed': 'It needs {scope}.',
  'detail.signed_in_as': 'You are signed in as {user}.',
  'detail.smaller_session':
    'The people who run this site can keep sessions on the server, or ask for less in the tokens.',

  // The same: logins.
  'detail.provider_said': 'It said: {said}',
  'detail.state_unreadable':
    'The address does not say where you wanted to go: it is cut short, or was made before an update here.',
  'detail.cookies_not_kept':
    'It was tried several times. Your browser seems to keep no cookies of this site: allow them.',
  'detail.signed_in_in_vain': 'You have signed in several times, and the application still asks for more.',
  'detail.cookies_blocked':
    'It may block cookies for this site, or drop them because they are too many or too large. Allow cookies and try again.',
  'detail.other_response_mode': 'It did not come by the response mode {mode}.',
  'detail.signed_unasked': 'It is signed, which was not asked for.',
  'detail.not_signed': 'It is not signed.',
  'detail.no_code': 'It holds no code.',
  'detail.parameter_twice': 'A parameter came twice.',
  'detail.other_token_type': 'The access token is not of the type {type}.',
  'detail.algorithm_refused':
    'It is signed with {algorithm}, and this site counts {allowed}. Its operators find in the log what to change.',
  'detail.nobody_named': 'The ID token names nobody.',
  'detail.step_up_had': 'It was asked for {wanted}, and the sign-in has {had}.',
  'detail.clocks_differ':
    'The clocks of this site and of the sign-in service differ by {seconds} seconds. Whoever looks after this site can set that right.',

  // Small print of the page of an error.
  'footer.request': 'Request {id} · {code}',

  // The page on which people choose a sign-in service.
  'choose.title': 'Sign in',
  'choose.message': 'How do you want to sign in?',
  'choose.email': 'Your email address',
  'choose.email_invalid': 'That is no email address.',
  'choose.domain_unknown':
    'No sign-in service is set up for {domain}. Choose one below, or use another address.',
  'choose.submit': 'Continue',
  'choose.or': 'or',
  'choose.last_used': 'last used',

  // The page between the sign-in service and the application.
  'signed_in.title': 'You are signed in',
  'signed_in.message': 'The application comes up in a moment.',

  // The page that asks before a sign-out.
  'sign_out.title': 'Sign out?',
  'sign_out.message': 'Do you want to sign out?',
  'sign_out.foreign': 'Another site asks to sign you out here.',

  // The page after a sign-out.
  'signed_out.title': 'You are signed out',
  'signed_out.message': 'Your session on this site has ended.',
  'signed_out.provider_knows':
    'The sign-in service may still know you: sign out there too on a shared computer.',

  // Buttons.
  'button.sign_in': 'Sign in',
  'button.sign_in_again': 'Sign in again',
  'button.sign_in_as_other': 'Sign in as someone else',
  'button.start_again': 'Start again',
  'button.start_page': 'Go to the start page',
  'button.try_again': 'Try again',
  'button.go_on': 'Go on',
  'button.sign_out': 'Sign out',
  'button.sign_out_there_too': 'Sign out there too',
  'button.stay_signed_in': 'Stay signed in',
} as const;
