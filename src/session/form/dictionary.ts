/**
 * What tokens and sessions have in common, so that it need not stand in each of them (RFC 1951 allows references to
 * what came before, and this comes before). Members have the order in which common providers write them; what is
 * found in most tokens stands last, where a reference to it is shortest.
 *
 * It belongs to the form: a letter that changes here is another form, since nothing that was packed before would open.
 */
const texts: readonly string[] = [
  // What some have more.
  '"phone_number":"+1","locale":"en","zoneinfo":"","updated_at":"20","client_id":"","username":"","roles":["',
  '"picture":"https://lh3.googleusercontent.com/a/=s96-c","nickname":"',
  '"picture":"https://s.gravatar.com/avatar/?s=480&r=pg&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2F","permissions":["read:","write:',
  '{"cty":"JWT","enc":"A256GCM","alg":"RSA-OAEP"}{"typ":"at+jwt","alg":"ES256","kid":"',
  // Okta.
  '{"kid":"","alg":"RS256"}\0{"sub":"00u","name":"","email":"","ver":1,"iss":"https://.okta.com/oauth2/default","aud":"0oa',
  '","iat":17,"exp":17,"jti":"ID.","amr":["pwd"],"idp":"00o","nonce":"","preferred_username":"","auth_time":17,"at_hash":"',
  '{"ver":1,"jti":"AT.","iss":"https://.okta.com/oauth2/default","aud":"api://default","iat":17,"exp":17,"cid":"0oa',
  '","uid":"00u","scp":["openid","profile","email","offline_access","groups"],"auth_time":17,"sub":"',
  // Amazon Cognito.
  '{"kid":"=","alg":"RS256"}\0{"at_hash":"","sub":"","cognito:groups":["","email_verified":true,',
  '"iss":"https:\\/\\/cognito-idp.eu-west-1.amazonaws.com\\/eu-west-1_","cognito:username":"","origin_jti":"","aud":"',
  '","event_id":"","token_use":"id","auth_time":17,"exp":17,"iat":17,"jti":"","email":"","custom:"identities":[{"',
  '{"sub":"","iss":"https:\\/\\/cognito-idp.us-east-1.amazonaws.com\\/us-east-1_","version":2,"client_id":"',
  '","token_use":"access","scope":"aws.cognito.signin.user.admin openid profile email","username":"',
  // Google.
  '{"alg":"RS256","kid":"","typ":"JWT"}\0{"iss":"https://accounts.google.com","azp":".apps.googleusercontent.com",',
  '"aud":".apps.googleusercontent.com","sub":"1","hd":"","email":"@gmail.com","email_verified":true,"at_hash":"',
  // Auth0.
  '{"alg":"RS256","typ":"JWT","kid":"","x5t":"","iss":"https://.eu.auth0.com/","sub":"auth0|","aud":["https://api.',
  '","https://.us.auth0.com/userinfo"],"iat":17,"exp":17,"scope":"openid profile email offline_access","azp":"',
  // Microsoft Entra ID.
  '{"typ":"JWT","alg":"RS256","x5t":"","kid":"","nonce":"{"typ":"JWT","alg":"RS256","kid":"',
  '{"aud":"api://","iss":"https://login.microsoftonline.com/","/v2.0","iat":17,"nbf":17,"exp":17,"aio":"A',
  '","azp":"","azpacr":"1","groups":["","name":"","oid":"","preferred_username":"","rh":"1.A',
  '.","scp":"access_as_user User.Read openid profile email","sid":"","sub":"","tid":"","uti":"","ver":"2.0","acct":0,',
  // Keycloak.
  '{"alg":"HS512","typ" : "JWT","kid" : "","typ":"Refresh","scope":"openid web-origins email profile basic roles acr',
  'offline_access","aud_x":["","prov":"default"},"typ":"Offline","session_state":"","resource_access":{"',
  '":{"roles":["manage-account","manage-account-links","view-profile"]}},"realm-management":{"roles":["',
  '{"exp":17,"iat":17,"auth_time":17,"jti":"onrtac:","onrtro:","trrtcc:","iss":"https:///auth/realms/","aud":["account","sub":"',
  '","typ":"Bearer","azp":"","sid":"","acr":"0","allowed-origins":["https://","realm_access":{"roles":["offline_access","uma_authorization","default-roles-',
  '"]},"resource_access":{"account":{"roles":["manage-account","manage-account-links","view-profile"]}},"scope":"openid email profile"',
  '{"alg":"RS256","typ" : "JWT","kid" : "',
  '"}\0{"exp":179,"iat":179,"auth_time":179,"jti":"","iss":"https://id.example.com/realms/","aud":"","sub":"","typ":"ID","azp":"","nonce":"","sid":"","at_hash":"',
  '","acr":"1","email_verified":true,"name":"","groups":["","preferred_username":"","given_name":"","family_name":"","email":"@example.com"}\0',
  // What of it a session keeps, beside the tokens.
  'default\0\u0001\u0001sub\u0001preferred_username\u0001email\u0001email_verified\u0001name\u0001groups\u0001\0\0',
];

export const dictionary: Buffer = Buffer.from(texts.join(''), 'utf8');
