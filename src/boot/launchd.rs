//! A property list of launchd: for the record, and for who wants to try. We don't run there yet.

use super::service::Service;

pub(super) fn text(service: &Service) -> String {
    let [name, user] = [&service.name, &service.user].map(|text| escaped(text));
    let path = |path: &std::path::Path| escaped(&path.to_string_lossy());
    let (home, program) = (path(service.home.root()), path(&service.program()));
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- Written by `rpm startup`, removed by `rpm unstartup`. -->
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>{name}</string>
	<key>UserName</key>
	<string>{user}</string>
	<key>ProgramArguments</key>
	<array>
		<string>{program}</string>
		<string>daemon</string>
	</array>
	<key>EnvironmentVariables</key>
	<dict>
		<key>RPM_HOME</key>
		<string>{home}</string>
		<key>RPM_BOOT</key>
		<string>1</string>
	</dict>
	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>AbandonProcessGroup</key>
	<true/>
	<key>ExitTimeOut</key>
	<integer>70</integer>
</dict>
</plist>
"#
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
